"""The lines of transcripts, counted as docs/explanation/claude-code-formats.md says and with nothing of the product: per session its times, calls and costs."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct, field

GAP = timedelta(minutes=5)
OF_A_SESSION = ("user", "assistant", "system", "attachment")
# USD a million tokens: input, cache writes for 5 minutes and an hour, cache reads, output.
PRICES = {
    "claude-opus-4-5": (5, 6.25, 10, 0.5, 25),
    "claude-opus-4-6": (5, 6.25, 10, 0.5, 25),
    "claude-opus-4-8": (5, 6.25, 10, 0.5, 25),
    "claude-opus-5": (5, 6.25, 10, 0.5, 25),
    "claude-sonnet-4": (3, 3.75, 6, 0.3, 15),
    "claude-sonnet-4-5": (3, 3.75, 6, 0.3, 15),
    "claude-sonnet-5": (2, 2.5, 4, 0.2, 10),
    "claude-haiku-4-5": (1, 1.25, 2, 0.1, 5),
    "claude-fable-5": (10, 12.5, 20, 1, 50),
}


class Call(Struct):
    """An API call: when its first row was written, and the tokens of its row with the most output."""

    at: datetime
    model: str
    tokens: tuple[int, int, int, int, int]

    @property
    def cost(self) -> float:
        """In USD."""
        model = self.model.rsplit("-", 1)[0] if self.model[-8:].isdigit() else self.model
        return sum(count * price for count, price in zip(self.tokens, PRICES[model], strict=True)) / 1e6


class Session(Struct):
    """A session as the lines tell it."""

    user: str
    cwd: tuple[datetime, str] | None = None
    uuids: set[str] = field(default_factory=set)
    times: set[datetime] = field(default_factory=set)
    calls: dict[tuple[str, str | None], Call] = field(default_factory=dict)
    tool_calls: dict[str, datetime] = field(default_factory=dict)

    def is_active(self, start: datetime, end: datetime) -> bool:
        """Whether something happened in [start, end), or a pause that counts reaches into it."""
        times = sorted(self.times)
        if any(start <= at < end for at in times):
            return True
        return any(a < end and b >= start and b - a <= GAP for a, b in pairwise(times))


def read_raw(path: Path, user: str, sessions: dict[str, Session]) -> None:
    """Adds the lines of a file."""
    for row in _rows(path):
        session = sessions.setdefault(row["sessionId"], Session(user))
        at = _time(row["timestamp"])
        session.times.add(at)
        session.uuids.add(row.get("uuid") or "")
        if row.get("cwd") and (session.cwd is None or at < session.cwd[0]):
            session.cwd = at, row["cwd"]
        message = row.get("message") or {}
        if row["type"] == "assistant" and message.get("model") != "<synthetic>":
            _add_call(session, row, message, at)
            for block in message["content"] if isinstance(message["content"], list) else ():
                if block.get("type") == "tool_use":
                    session.tool_calls.setdefault(block["id"], at)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of sessions, also those of a subagent that its parent's progress repeats."""
    for row in _objects(path):
        inner = row.get("data", {}).get("message") if row.get("type") == "progress" and isinstance(row.get("data"), dict) else None
        if row["type"] == "progress" and row["data"].get("type") == "agent_progress" and isinstance(inner, dict):
            row = inner | {
                "sessionId": row.get("sessionId"),
                "timestamp": inner.get("timestamp") or row.get("timestamp"),
                "isSidechain": True,
            }
        if row.get("type") in OF_A_SESSION and row.get("sessionId") and row.get("timestamp"):
            yield row


def _objects(path: Path) -> Iterator[dict[str, Any]]:
    decode = json.JSONDecoder().raw_decode
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        while text.startswith("{"):
            try:
                found, end = decode(text)
            except ValueError:
                # A line that was being written when the client was killed.
                break
            if isinstance(found, dict) and "type" in found:
                yield found
            text = text[end:].strip()


def _add_call(session: Session, row: dict[str, Any], message: dict[str, Any], at: datetime) -> None:
    usage = message.get("usage")
    if usage is None:
        return
    key = message.get("id") or row["uuid"], row.get("requestId")
    split = usage.get("cache_creation") or {}
    for_5m, for_1h = split.get("ephemeral_5m_input_tokens") or 0, split.get("ephemeral_1h_input_tokens") or 0
    for_5m += max(0, (usage.get("cache_creation_input_tokens") or 0) - for_5m - for_1h)
    output = usage.get("output_tokens") or 0
    tokens = (usage.get("input_tokens") or 0, for_5m, for_1h, usage.get("cache_read_input_tokens") or 0, output)
    known = session.calls.get(key)
    if known is None:
        session.calls[key] = Call(at, message["model"], tokens)
    elif output > known.tokens[-1]:
        known.tokens = tokens


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def without_copies(paths: list[Path], user_of: Callable[[Path], str]) -> tuple[list[Path], dict[str, Session]]:
    """The files and their sessions, without sessions that repeat rows of another one, as forks do: whose those are is another rule."""
    sessions: dict[str, Session] = {}
    files: dict[str, list[Path]] = {}
    for path in paths:
        of_file: dict[str, Session] = {}
        read_raw(path, user_of(path), of_file)
        for session_id in of_file:
            files.setdefault(session_id, []).append(path)
            read_raw(path, user_of(path), sessions)
    owner: dict[str, str] = {}
    copies: set[str] = set()
    for session_id, session in sorted(sessions.items(), key=lambda each: min(each[1].times)):
        if any(owner.setdefault(uuid, session_id) != session_id for uuid in session.uuids if uuid):
            copies.add(session_id)
    left_out = {path for session_id in copies for path in files[session_id]}
    kept = [path for path in paths if path not in left_out]
    return kept, {session_id: session for session_id, session in sessions.items() if not left_out.intersection(files[session_id])}
