"""Transcripts written by hand, to docs/explanation/claude-code-formats.md: rows as Claude Code writes them, with made-up content."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import FileSummary, RecordError
from tests.unit.worker.importers.merged import IDLE_GAP

SESSION = "8c4bd70d-dc17-4bcf-9b4d-c4bddd3fac2a"
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)

REJECTION = "The user doesn't want to proceed with this tool use. The tool use was rejected"


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(kind: str, seconds: float, uuid: str, **fields: Any) -> dict[str, Any]:
    """The envelope of a conversation record."""
    return {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/ann/app",
        "sessionId": SESSION,
        "version": "2.1.42",
        "gitBranch": "main",
        "type": kind,
        "uuid": uuid,
        "timestamp": at(seconds),
    } | fields


def prompt(seconds: float, uuid: str, content: Any, **fields: Any) -> dict[str, Any]:
    return row("user", seconds, uuid, message={"role": "user", "content": content}, **fields)


def answer(seconds: float, uuid: str, message_id: str, *blocks: dict[str, Any], output: int = 10, **fields: Any) -> dict[str, Any]:
    usage = {"input_tokens": 3, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 2000, "output_tokens": output}
    message = {"model": "claude-opus-4-6", "id": message_id, "role": "assistant", "content": list(blocks), "usage": usage}
    return row("assistant", seconds, uuid, **({"requestId": f"req_{message_id}", "message": message} | fields))


def agent_progress(said: dict[str, Any], uuid: str, agent_id: str = "a1b2c3d", **fields: Any) -> dict[str, Any]:
    """The row by which the parent's file tells of a record of its subagent's file."""
    message = {name: said[name] for name in ("type", "timestamp", "uuid", "requestId", "message", "toolUseResult") if name in said}
    data = {"type": "agent_progress", "agentId": agent_id, "prompt": "", "message": message, "normalizedMessages": []}
    return row("progress", 0, uuid, data=data) | {"timestamp": said["timestamp"]} | fields


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(tool_use_id: str, name: str = "Bash", **parameters: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": tool_use_id, "name": name, "input": parameters}


def result(
    seconds: float, uuid: str, tool_use_id: str, content: Any = "ok", *, is_error: bool | None = None, **fields: Any
) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": tool_use_id, "content": content} | ({} if is_error is None else {"is_error": is_error})
    return row("user", seconds, uuid, **({"message": {"role": "user", "content": [block]}} | fields))


def jsonl(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def read(content: bytes, user: str | None = "ann") -> list[Any]:
    return list(read_transcript(io.BytesIO(content), user=user, idle_gap=IDLE_GAP))


def read_rows(*rows: dict[str, Any]) -> list[Any]:
    return read(jsonl(*rows))


def of(records: list[Any], kind: type) -> list[Any]:
    return [record for record in records if type(record) is kind]


def errors(records: list[Any]) -> list[tuple[str, int | None]]:
    """(code, line) of each."""
    return [(record.code, record.line) for record in of(records, RecordError)]


def summary(records: list[Any]) -> FileSummary:
    """It comes last, once."""
    [only] = of(records, FileSummary)
    assert records[-1] is only
    return only


PATCH = {"structuredPatch": [{"oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 3, "lines": [" a", "-b", "+c", "+d"]}]}
WHOLE = [
    prompt(0, "u1", "fix the bug in a.py"),
    answer(2, "a1", "msg_1", text("I look at it."), output=1),
    answer(3, "a2", "msg_1", use("toolu_1", "Read", file_path="/home/ann/app/a.py"), output=40),
    result(4, "u2", "toolu_1", "1→a\n2→b", toolUseResult={"type": "text", "file": {"filePath": "/home/ann/app/a.py", "content": "a\nb"}}),
    answer(6, "a3", "msg_2", use("toolu_2", "Edit", file_path="a.py", old_string="b", new_string="c\nd")),
    result(
        7,
        "u3",
        "toolu_2",
        toolUseResult={"filePath": "/home/ann/app/a.py", "oldString": "b", "newString": "c\nd", "originalFile": None} | PATCH,
    ),
    answer(9, "a4", "msg_3", text("Done: größer, 日本語.")),
    {"type": "ai-title", "aiTitle": "A bug fixed", "sessionId": SESSION},
]


def refused(message_id: str | None) -> list[Any]:
    """A call that its result says is refused, and what Claude Code 2.1.332 writes behind it. With `message_id` a person interrupted the message's calls."""
    marker = prompt(2, "u2", [{"type": "text", "text": "[Request interrupted by user for tool use]"}])
    said = result(1.5, "u1", "toolu_1", REJECTION, is_error=True, toolUseResult="User rejected tool use", toolDenialKind="user-rejected")
    return [
        answer(0, "a1", "msg_1", use("toolu_1", "Bash", command="sleep 20")),
        said,
        marker | ({"interruptedMessageId": message_id} if message_id else {}),
    ]
