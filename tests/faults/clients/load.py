"""The writers' load: sessions from start to end, made from a seed, cut into single events and batches."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from shared.events.event_kinds import KINDS

ROUTES = {
    "session_start": "/api/sessions/start",
    "session_end": "/api/sessions/end",
    "conversation": "/api/conversations",
    "activity": "/api/activities",
    "tool_call": "/api/tool-calls",
}
TABLES = {kind.tag: kind.table for kind in KINDS.values()}
BATCH_ROUTE = "/api/events"
# A request in so many is a batch; with 20 to 200 events each they carry three events in four.
BATCH_SHARE = 0.03
BASE = datetime(2026, 3, 1, tzinfo=UTC)
WORDS = (
    "parser",
    "reads",
    "a file",
    "and fails",
    "because",
    "useEffect",
    "runs twice",
    "in tests/flow",
    "fix it",
    "please",
    "你好",
    "世界",
)
TOOLS = ("Bash", "Read", "Edit", "Grep", "Task", "mcp__github__search")
STATUSES = ("success", "success", "success", "success", "error", "rejected", "timeout")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """Where an event will be found once it is stored."""

    table: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Request:
    """One POST, and what it is to leave behind. Sent again it is the same, ids included."""

    path: str
    body: bytes
    events: tuple[Stored, ...]


def requests(seed: str) -> Iterator[Request]:
    """One session after the other, without end. The same for the same seed."""
    rng = Random(seed)
    while True:
        yield from _cut(_session(rng), rng)


def _session(rng: Random) -> list[Event]:
    session_id = f"session-{_event_id(rng)}"
    now = BASE + timedelta(minutes=rng.randrange(30 * 24 * 60))
    project, user = f"/home/ann/project-{rng.randrange(12)}", f"user-{rng.randrange(5)}"
    events: list[Event] = [
        {"type": "session_start", "session_id": session_id, "project_path": project, "user": user, "start_time": now.isoformat()}
    ]
    for _ in range(rng.randint(20, 500)):
        # Mostly seconds apart, sometimes a pause longer than the idle gap; the longer sessions pass midnight.
        now += timedelta(seconds=rng.choice((2, 5, 20, 60, 400)) * rng.random())
        events.append(_event(rng, session_id) | {"timestamp": now.isoformat()})
    if rng.random() < 0.8:
        events.append({"type": "session_end", "session_id": session_id, "end_time": now.isoformat()})
    return [event | {"id": str(_event_id(rng))} for event in events]


def _event(rng: Random, session_id: str) -> Event:
    match rng.randrange(5):
        case 0 | 1:
            event: Event = {
                "type": "conversation",
                "role": rng.choice(("user", "assistant")),
                "content": " ".join(rng.choices(WORDS, k=30)),
            }
            if event["role"] == "assistant":
                event |= {"model": "opus", "usage": {"input_tokens": rng.randrange(5000), "output_tokens": rng.randrange(500)}}
        case 2:
            action = rng.choice(("created", "modified", "deleted"))
            event = {"type": "activity", "file_path": f"/home/ann/src/file{rng.randrange(300)}.py", "action": action}
            event |= {"lines_added": rng.randrange(80), "lines_removed": rng.randrange(40)}
        case _:
            event = {"type": "tool_call", "tool_name": rng.choice(TOOLS), "result_status": rng.choice(STATUSES)}
            event |= {"parameters": {"command": " ".join(rng.choices(WORDS, k=5))}, "execution_time_ms": rng.randrange(3000)}
            if rng.random() < 0.005:
                return event
    return event | {"session_id": session_id}


def _cut(events: list[Event], rng: Random) -> Iterator[Request]:
    """A session is known once its start is accepted, so the requests keep its order; within a batch any order is right."""
    while events:
        # Some sessions arrive as a batch from their very start on.
        share = 0.3 if events[0]["type"] == "session_start" else BATCH_SHARE
        size = rng.randint(20, 200) if rng.random() < share else 1
        part, events = events[:size], events[size:]
        if size == 1:
            [event] = part
            yield Request(ROUTES[event["type"]], _json(event), _stored(part))
            continue
        if rng.random() < 0.3:
            rng.shuffle(part)
        yield Request(BATCH_ROUTE, _json(part), _stored(part))


def _stored(events: list[Event]) -> tuple[Stored, ...]:
    return tuple(Stored(TABLES[event["type"]], event["id"]) for event in events)


def _event_id(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
