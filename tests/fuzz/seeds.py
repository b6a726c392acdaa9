"""Examples to begin with, made when they are needed: of the tests' own makers, and of the samples that TRACKER_SAMPLES names, if it does."""

import json
import os
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Final

from tests.integration.worker.capture.hook_session import HOOKS
from tests.unit.worker.importers.archives.made_archives import PACK, session
from tests.unit.worker.importers.transcript.rows_of_a_session import WHOLE, answer, jsonl, prompt, row

SAMPLE_FILES: Final = 40
SAMPLE_BYTES: Final = 8192

EVENTS: Final[tuple[dict[str, object], ...]] = (
    {"type": "session_start", "project_path": "C:\\src\\app\\", "start_time": "2024-01-15T10:30:00", "user": "ann", "session_id": "s"},
    {"type": "session_end", "session_id": "s", "end_time": "2024-01-15T10:30:00+02:00"},
    {"type": "conversation", "session_id": "s", "content": "h\u00e9llo \\u0000", "role": "user", "usage": {"input_tokens": 10.0}},
    {"type": "activity", "session_id": "s", "file_path": "/a", "action": "modified", "lines_added": 1, "lines_removed": 2.0},
    {
        "type": "tool_call",
        "tool_name": "Bash",
        "parameters": {"a": [1e300, {"b": None}]},
        "result_status": "success",
        "execution_time_ms": 5,
    },
)
EVENT_WORDS: Final = (
    *(f'"{word}"'.encode() for word in ("type", "session_id", "content", "role", "usage", "input_tokens", "parameters", "timestamp", "id")),
    *(
        b"\\u0000",
        b"\\ud800",
        b"\\ud83d\\ude00",
        b"9223372036854775808",
        b"1e400",
        b"-0",
        b"[[[[",
        b'{"a":',
        b"2099-12-31T23:59:60Z",
        b"\xef\xbb\xbf",
    ),
)


# Rows that become timeline entries.
_OF_TIMELINE: Final = (
    answer(1, "a1", "msg_1", {"type": "thinking", "thinking": "I look first.", "signature": "c2lnbmVk"}),
    row("system", 2, "s1", subtype="compact_boundary", content="compacted", compactMetadata={"trigger": "auto", "preTokens": 155_000}),
    row("system", 3, "s2", subtype="api_error", error={"error": {"error": {"message": "Overloaded"}}}, retryAttempt=1),
    row("attachment", 4, "t1", attachment={"type": "hook_blocking_error", "blockingError": {"blockingError": "No."}}),
    prompt(5, "u1", "<command-name>/model</command-name><command-args>opus</command-args>"),
    prompt(6, "u2", "<task-notification><tool-use-id>toolu_1</tool-use-id><summary>done</summary></task-notification>"),
)


def events() -> list[bytes]:
    """One of each kind, as a client sends it."""
    return [json.dumps(event).encode() for event in EVENTS]


def batches() -> list[bytes]:
    """Arrays and lines of events."""
    return [json.dumps(EVENTS).encode(), b"\n".join(events()), b"[1,{},null]", b"{}\n\n[]"]


def hooks() -> list[bytes]:
    """Payloads of hooks."""
    return [json.dumps(payload).encode() for _, payload in HOOKS]


def transcripts() -> list[bytes]:
    """A short session, and beginnings of real ones."""
    prompts = jsonl(*(prompt(row, f"u{row}", f"words {row}") for row in range(3)))
    return [prompts, jsonl(*WHOLE), jsonl(*_OF_TIMELINE), *samples("transcripts")]


def history() -> list[bytes]:
    """Lines of both ages."""
    line = {"display": "fix it", "pastedContents": {}, "timestamp": 1735689600000, "project": "/home/ann/app", "sessionId": "s"}
    return [json.dumps(line).encode() + b"\n", *samples("history")]


def claude_json() -> list[bytes]:
    """A file with a project, and beginnings of real ones."""
    project = {"history": [{"display": "hi"}], "lastSessionId": "s", "lastCost": 1.5, "lastModelUsage": {"opus": {"outputTokens": 3}}}
    return [json.dumps({"numStartups": 3, "projects": {"/home/ann/app": project}}).encode(), *samples("claude_json")]


def sessions_index() -> list[bytes]:
    """A list of one session."""
    entry = {"sessionId": "s", "firstPrompt": "hi", "summary": "x", "created": "2026-01-01T00:00:00.000Z", "projectPath": "/home/ann/app"}
    return [json.dumps({"version": 1, "entries": [entry]}).encode()]


@cache
def archives() -> dict[str, bytes]:
    """By kind, a small archive."""
    members = {"projects/a/s.jsonl": session(1, 2), ".credentials.json": b"{}", "history.jsonl": history()[0], "x/empty": b""}
    return {kind: pack(members) for kind, pack in PACK.items()}


def samples(kind: str) -> Iterator[bytes]:
    """Beginnings of the real files of a kind, at the end of a line if there is one."""
    folder = os.environ.get("TRACKER_SAMPLES")
    if not folder:
        return
    for path in islice(sorted(path for path in (Path(folder) / kind).rglob("*") if path.is_file()), 0, None, 1):
        with path.open("rb") as file:
            head = file.read(SAMPLE_BYTES)
        whole, end, _ = head.rpartition(b"\n")
        yield whole + end or head
