"""A transcript of any length, as Claude Code writes it: prompts, answers in Markdown, calls with results, edits with patches, failures, pauses."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID


def record(session_id: str, cwd: str, kind: str, record_id: str, at: datetime, message: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A line of the session's own thread."""
    return {
        "sessionId": session_id,
        "cwd": cwd,
        "gitBranch": "main",
        "version": "2.1.219",
        "isSidechain": False,
        "parentUuid": None,
        "type": kind,
        "uuid": record_id,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "message": message,
    } | more


def answer_message(name: str, content: list[dict[str, Any]], usage: dict[str, int]) -> dict[str, Any]:
    """A message of Claude's. `name` tells API calls apart."""
    return {"model": "claude-sonnet-5", "id": f"msg_{name}", "type": "message", "role": "assistant", "content": content, "usage": usage}


CALLS_IN_A_TURN = 26
WORDS = ("the", "session", "keeps", "its", "order", "while", "pages", "come", "and", "go", "so", "nobody", "loses", "the", "place")
ANSWER = """The test `test_{n}` fails since the queue is **drained twice**:

```python
def drain_{n}(queue: list[int]) -> int:
    return sum(item for item in queue if item > {n})
```

1. read the journal from the last position
2. write one batch for each partition

| what | before | after |
|---|---|---|
| rows | {n} | {m} |
"""


def long_transcript(session_id: str, items: int, project: str = "/home/ann/long") -> bytes:
    """Around `items` items of a timeline: messages, calls and pauses."""
    return b"".join(json.dumps(line).encode() + b"\n" for line in _lines(session_id, items, project))


def _lines(session_id: str, items: int, project: str) -> Iterator[dict[str, Any]]:
    chance = random.Random(16)
    at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    made = turn = call = 0

    def line(kind: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
        nonlocal at
        at += timedelta(seconds=chance.uniform(0.5, 4))
        return record(session_id, project, kind, str(UUID(int=chance.getrandbits(128))), at, message, **more)

    def assistant(*content: dict[str, Any]) -> dict[str, Any]:
        usage = {"input_tokens": 3, "output_tokens": 200, "cache_read_input_tokens": 40_000, "cache_creation_input_tokens": 900}
        name = f"{chance.getrandbits(60):x}"
        return line("assistant", answer_message(name, list(content), usage), requestId=f"req_{name}")

    while made < items:
        turn += 1
        at += timedelta(minutes=20 if turn % 5 == 0 else 1)
        words = " ".join(chance.choices(WORDS, k=chance.randint(5, 90)))
        yield line("user", {"role": "user", "content": f"Prompt {turn}: {words}"})
        made += 1
        for _ in range(CALLS_IN_A_TURN):
            call += 1
            if chance.random() < 0.35:
                text = (
                    ANSWER.format(n=call, m=call * 2) if chance.random() < 0.2 else " ".join(chance.choices(WORDS, k=chance.randint(4, 60)))
                )
                yield assistant({"type": "text", "text": text})
                made += 1
            yield from _call(session_id, call, project, assistant, line, chance)
            made += 1
        yield assistant({"type": "text", "text": f"Turn {turn} is done. {ANSWER.format(n=turn, m=turn)}"})
        made += 1


def _call(session_id: str, call: int, project: str, assistant: Any, line: Any, chance: random.Random) -> Iterator[dict[str, Any]]:
    name = f"toolu_{session_id[:8]}{call:06}"
    path = f"{project}/src/part_{call % 40}.py"
    kind = chance.choices(["Bash", "Read", "Edit", "Grep"], [5, 4, 2, 2])[0]
    inputs = {
        "Bash": {"command": f"pytest -q tests/test_{call}.py && echo done", "description": "Run the tests"},
        "Read": {"file_path": path},
        "Edit": {"file_path": path, "old_string": f"value = {call}", "new_string": f"value = {call + 1}"},
        "Grep": {"pattern": f"drain_{call}", "path": project},
    }
    yield assistant({"type": "tool_use", "id": name, "name": kind, "input": inputs[kind]})
    failed = kind == "Bash" and chance.random() < 0.08
    text = (
        f"Exit code 1\nFAILED tests/test_{call}.py::test_it - AssertionError"
        if failed
        else "\n".join(f"{n}: a line of output" for n in range(chance.randint(1, 30)))
    )
    result = {"type": "tool_result", "tool_use_id": name, "content": text} | ({"is_error": True} if failed else {})
    more: dict[str, Any] = {}
    if kind == "Edit":
        hunk = {"oldStart": 7, "oldLines": 3, "newStart": 7, "newLines": 3}
        lines = [" def part():", f"-    value = {call}", f"+    value = {call + 1}", "     return value"]
        more = {"toolUseResult": {"filePath": path, **inputs[kind], "structuredPatch": [hunk | {"lines": lines}]}}
    yield line("user", {"role": "user", "content": [result]}, **more)
