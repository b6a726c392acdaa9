"""The raw transcripts, read as grep would: each text of a message, tool input or result, to see what the store left out."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.bench.truth_texts import Need, Text, values

# Around a match, what is looked for in the stored texts.
_AROUND_CHARS = 12
_KEPT_OF_A_RESULT = 16 * 1024
# For one value.
_KEPT_OF_AN_INPUT = 2_000


class RawText(Struct):
    """`kind`: message, input, result, or a message that is not stored as one.

    meta: Claude Code itself put it there. prompt: of a subagent, so the input of a call. same id: made-up samples have ids of other sessions.
    """

    kind: str
    content: str
    lower: str


def raw_texts(files: list[Path]) -> list[RawText]:
    """All lines, each once: a session that was resumed repeats them."""
    found: dict[tuple[str, str], None] = {}
    sessions: dict[str, str] = {}
    for path in files:
        for line in path.read_bytes().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict) and record.get("type") in ("user", "assistant"):
                session, uuid = str(record.get("sessionId")), str(record.get("uuid"))
                kind = _kind(record) if sessions.setdefault(uuid, session) == session else "same id"
                texts = _texts(record.get("message", {}).get("content"))
                found.update(dict.fromkeys((kind if of == "message" else of, text) for of, text in texts))
    return [RawText(kind, content, content.lower()) for kind, content in found]


def not_found(raw: list[RawText], needs: list[Need], hits: list[Text]) -> tuple[int, Counter[str], list[str]]:
    """Raw texts that have the text of a search; why some are in no hit; and the surroundings in those that nothing explains."""
    [need] = needs
    wanted = need.text.lower()
    total, reasons, unexplained = 0, Counter[str](), list[str]()
    stored = "\0".join(hit.lower for hit in hits)
    for text in raw:
        at = text.lower.find(wanted)
        if at < 0:
            continue
        total += 1
        around = text.lower[max(at - _AROUND_CHARS, 0) : at + len(wanted) + _AROUND_CHARS].replace("\0", "\ufffd")
        if around in stored:
            continue
        if (reason := _left_out(text)) is not None:
            reasons[reason] += 1
        else:
            reasons["unexplained"] += 1
            unexplained.append(f"{text.kind}: {around!r}")
    return total, reasons, unexplained


def _kind(record: dict[str, Any]) -> str:
    if record.get("isMeta"):
        return "meta"
    return "prompt" if record["type"] == "user" and record.get("isSidechain") else "message"


def _left_out(text: RawText) -> str | None:
    """Why the import did not store all of it."""
    if text.kind in ("meta", "prompt", "same id"):
        return text.kind
    if text.kind == "message" and text.content.startswith("<"):
        return "of Claude Code"
    if text.kind == "result" and len(text.content.encode()) > _KEPT_OF_A_RESULT:
        return "cut"
    return "cut" if text.kind == "input" and len(text.content) > _KEPT_OF_AN_INPUT else None


def _texts(content: Any) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield "message", content
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict):
            continue
        match block.get("type"):
            case "text":
                yield "message", str(block.get("text", ""))
            case "tool_use":
                yield "input", "\n".join(values(block.get("input")))
            case "tool_result":
                yield "result", _result(block.get("content"))
            case _:
                pass


def _result(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(block.get("text", "")) for block in content if isinstance(block, dict) and block.get("type") == "text")
    return str(content or "")
