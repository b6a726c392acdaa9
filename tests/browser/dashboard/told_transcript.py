"""A session that has all that a session's page tells first, as Claude Code writes it: commits, tests, edits, a failure, rebuilds of the cache, two days.

Its subagent runs for 40 minutes, of which the transcript has nothing.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from tests.browser.dashboard.long_transcript import answer_message, record

PROJECT = "/home/ann/told"
FIRST_DAY = datetime(2026, 11, 17, 20, tzinfo=UTC)
ASK = "Make the upload try again. It gives up after the first failure, and nobody is told."
LAST_ANSWER = "The upload is tried **three times**."
BIG_FILE = f"{PROJECT}/src/upload.py"
# So much was in the cache when the pause began.
CONTEXT = 120_000
SUBAGENT_MS = 2_400_000


def told_transcript(session_id: str) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in _lines(session_id))


def _lines(session_id: str) -> Iterator[dict[str, Any]]:
    number = 0
    at = FIRST_DAY

    def line(kind: str, message: dict[str, Any], after: timedelta, **more: Any) -> dict[str, Any]:
        nonlocal number, at
        number += 1
        at += after
        return record(session_id, PROJECT, kind, str(uuid5(NAMESPACE_OID, f"{session_id} {number}")), at, message, **more)

    def says(*content: dict[str, Any], read: int = 0, written: int = 0, after: float = 3) -> dict[str, Any]:
        usage = {"input_tokens": 10, "output_tokens": 500, "cache_read_input_tokens": read, "cache_creation_input_tokens": written}
        name = f"{session_id[:8]}{number:04}"
        return line("assistant", answer_message(name, list(content), usage), timedelta(seconds=after), requestId=f"req_{name}")

    def asks(text: str, after: timedelta = timedelta(seconds=5)) -> dict[str, Any]:
        return line("user", {"role": "user", "content": text}, after)

    def calls(
        tool: str, inputs: dict[str, Any], result: str, *, failed: bool = False, takes: float = 2, **more: Any
    ) -> Iterator[dict[str, Any]]:
        name = f"toolu_{session_id[:8]}{number:04}"
        yield says({"type": "tool_use", "id": name, "name": tool, "input": inputs}, read=CONTEXT)
        content = {"type": "tool_result", "tool_use_id": name, "content": result} | ({"is_error": True} if failed else {})
        yield line("user", {"role": "user", "content": [content]}, timedelta(seconds=takes), **more)

    def edits(path: str, added: int) -> Iterator[dict[str, Any]]:
        inputs = {"file_path": path, "old_string": "tries = 1", "new_string": "tries = 3"}
        lines = ["-tries = 1", *(f"+tries = 3  # {count}" for count in range(added))]
        hunk = {"oldStart": 1, "oldLines": 1, "newStart": 1, "newLines": added, "lines": lines}
        yield from calls(
            "Edit", inputs, "The file has been updated.", toolUseResult={"filePath": path, **inputs, "structuredPatch": [hunk]}
        )

    tests = {"command": f"cd {PROJECT} && pytest tests/unit"}
    yield asks(ASK)
    yield says({"type": "text", "text": "I look at it."}, written=CONTEXT)
    yield from calls("Bash", tests, "Exit code 1\n2 failed, 10 passed in 1.20s", failed=True)
    yield from edits(BIG_FILE, 30)
    for count in range(11):
        yield from edits(f"{PROJECT}/src/part_{count:02}.py", 1)
    yield from calls("Bash", tests, "12 passed in 1.10s")
    yield from calls("Bash", {"command": 'git commit -am "Try uploads again"'}, "[main 1a2b3c4] Try uploads again\n 12 files changed")
    yield from calls("Bash", {"command": "gh pr create --fill"}, "https://github.com/ann/told/pull/7\n")
    # The next day: all that was in the cache is written again.
    yield asks("Let another one look at it", after=timedelta(hours=14))
    yield says({"type": "text", "text": "I ask a reviewer."}, written=CONTEXT + 2_000)
    review = {"subagent_type": "reviewer", "description": "Review the upload", "prompt": "Review it."}
    told = {"status": "completed", "totalDurationMs": SUBAGENT_MS, "totalTokens": 9_000, "totalToolUseCount": 4, "content": []}
    yield from calls("Agent", review, "It is fine.", takes=SUBAGENT_MS / 1_000 + 1, toolUseResult=told)
    yield says({"type": "text", "text": f"{LAST_ANSWER}\n\nMore of it."}, read=CONTEXT, written=3_000)
