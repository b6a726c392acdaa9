"""Absurd counts, times and lengths that would overflow sums are refused at ingest, and cannot harm other rows."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import msgspec
import psycopg
import pytest

from services.worker.drain.drain_partition import drain
from services.worker.maintenance.verify import verify
from services.worker.resources import Resources
from shared.events.messages import (
    ENVELOPE_VERSION,
    Activity,
    Conversation,
    Event,
    SessionEnd,
    SessionStart,
    ToolCall,
    Usage,
)
from tests.integration.attacks.conftest import SESSION, Target, refused
from tests.integration.whole_session import whole_session
from tests.integration.worker.journal_entries import append

HUGE = 2**53 - 1
NOW = datetime.now(UTC)
FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 12, 31, tzinfo=UTC)
# A project that no other test session uses.
ABSURD = "/home/mallory/absurd"


def sessions_of_130_years(number: int) -> Iterator[Event]:
    for n in range(number):
        yield SessionStart(session_id=f"old-{n}", project_path=ABSURD, start_time=FIRST, user="mallory", id=uuid4())
        yield SessionEnd(session_id=f"old-{n}", end_time=LAST, id=uuid4())


def in_a_session(events: Sequence[Event]) -> Iterator[Event]:
    yield SessionStart(session_id="huge", project_path=ABSURD, start_time=NOW, user="mallory", id=uuid4())
    yield from events


ATTACKS: dict[str, list[Event]] = {
    "2,250 sessions of 130 years": list(sessions_of_130_years(2_250)),
    "1,100 activities of 2^53-1 lines": list(
        in_a_session(
            [
                Activity(session_id="huge", file_path=f"/{n}", action="modified", lines_added=HUGE, lines_removed=HUGE, timestamp=NOW, id=uuid4())
                for n in range(1_100)
            ]
        )
    ),
    "1,100 calls of 2^53-1 ms": list(
        in_a_session(
            [
                ToolCall(session_id="huge", tool_name="Bash", result_status="success", execution_time_ms=HUGE, timestamp=NOW, id=uuid4())
                for _ in range(1_100)
            ]
        )
    ),
    "1,100 messages of 2^53-1 tokens": list(
        in_a_session(
            [
                Conversation(
                    session_id="huge", content="x", role="assistant", timestamp=NOW, id=uuid4(), model="claude-opus-4-5-20251101",
                    usage=Usage(input_tokens=HUGE, output_tokens=HUGE, cache_creation_input_tokens=HUGE, cache_read_input_tokens=HUGE),
                )
                for _ in range(1_100)
            ]
        )
    ),
}  # fmt: skip


def on_the_wire(events: Sequence[Event]) -> bytes:
    return msgspec.json.encode(events)


def write_usual_session(target: Target) -> None:
    """A session of another user with an event of each kind."""
    events = whole_session("other", "ann", NOW - timedelta(minutes=30))
    answer = target.post("/api/events", on_the_wire(events))
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(events), "rejected": []})


def assert_usual_session_is_unharmed(target: Target, worker: Resources) -> None:
    """The usual session is stored, counted and shown, and there are no dead letters."""
    with psycopg.connect(target.settings.database_url, autocommit=True) as connection:
        assert connection.execute("SELECT kind, reason, count(*) FROM dead_letters GROUP BY 1, 2").fetchall() == []
        assert set(verify(connection, worker.idle_gap).values()) == {0}
    projects = {project["name"]: project for project in target.http.get("/api/projects").json()}
    ours = projects["app"]
    names = ("total_sessions", "total_time_minutes", "lines_changed_count", "messages_count", "tool_calls_count")
    assert [ours[name] for name in names] == [1, 10, 7, 1, 1]
    everything = target.http.get("/api/stats")
    assert everything.status_code == 200, everything.text
    totals = target.http.get(f"/api/projects/{ours['id']}/stats").json()["totals"]
    assert (totals["time_minutes"], totals["lines_added"], totals["input_tokens"]) == (10.0, 5, 7)
    for answer in (everything, target.http.get("/api/usage"), target.http.get("/api/tool-calls/stats"), target.http.get("/api/sessions")):
        assert answer.status_code == 200, answer.text
        assert all(abs(number) <= HUGE for number in numbers_in(answer.json()))
    [bash] = [
        tool for tool in target.http.get("/api/tool-calls/stats", params={"user": "ann"}).json()["tools"] if tool["tool_name"] == "Bash"
    ]
    assert (bash["calls"], bash["avg_ms"]) == (1, 250.0)


def numbers_in(content: Any) -> Iterator[float]:
    if isinstance(content, dict | list):
        for value in content.values() if isinstance(content, dict) else content:
            yield from numbers_in(value)
    elif isinstance(content, int | float):
        yield content


@pytest.mark.parametrize("attack", ATTACKS)
def test_absurd_items_of_a_batch_are_rejected_one_by_one(target: Target, worker: Resources, attack: str) -> None:
    # Given the batch that made every later event of anyone a dead letter
    events = ATTACKS[attack]
    answer = target.post("/api/events", on_the_wire(events))

    # Then each such item is rejected with a sentence, and nothing else is
    assert answer.status_code == 200, answer.text
    absurd = [index for index, event in enumerate(events) if not (isinstance(event, SessionStart) and event.session_id == "huge")]
    assert [rejected["index"] for rejected in answer.json()["rejected"]] == absurd
    assert all("check" in rejected["message"] or "no such session" in rejected["message"] for rejected in answer.json()["rejected"])
    # And another's work is stored and shown
    write_usual_session(target)
    drain(worker)
    assert_usual_session_is_unharmed(target, worker)


@pytest.mark.parametrize("attack", ATTACKS)
def test_absurd_events_already_in_the_journal_are_stored_without_harm(target: Target, worker: Resources, attack: str) -> None:
    # Given the same in the journal, where a release without bounds has accepted it
    events = ATTACKS[attack]
    for at in range(0, len(events), 500):
        append(worker, *events[at : at + 500], received_at=NOW, version=ENVELOPE_VERSION)

    # When it is drained together with another's work
    write_usual_session(target)
    drain(worker)

    # Then every event is stored, without what cannot be true
    with psycopg.connect(target.settings.database_url) as connection:
        stored = connection.execute(
            "SELECT (SELECT count(*) FROM session_events) + (SELECT count(*) FROM messages) + (SELECT count(*) FROM tool_calls)"
            " + (SELECT count(*) FROM activities)"
        ).fetchone()
    # The other's five, and the start that the target itself has made.
    assert stored == (len(events) + 6,)
    assert_usual_session_is_unharmed(target, worker)
    absurd = next(project for project in target.http.get("/api/projects").json() if project["name"] == "absurd")
    assert (absurd["total_time_minutes"], absurd["lines_changed_count"]) == (0, 0)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/activities", {"file_path": "/a", "action": "created", "lines_added": 10_000_001}, "lines_added"),
        ("/api/activities", {"file_path": "/a", "action": "created", "lines_removed": HUGE}, "lines_removed"),
        (
            "/api/tool-calls",
            {"tool_name": "Bash", "result_status": "success", "execution_time_ms": 7 * 86_400_000 + 1},
            "execution_time_ms",
        ),
        ("/api/conversations", {"content": "x", "role": "user", "usage": {"output_tokens": 100_000_001}}, "usage.output_tokens"),
        ("/api/conversations", {"content": "x", "role": "user", "timestamp": "1970-01-01T00:00:00Z"}, "timestamp"),
        ("/api/conversations", {"content": "x", "role": "user", "timestamp": (NOW + timedelta(days=3)).isoformat()}, "timestamp"),
        ("/api/sessions/end", {"end_time": (NOW + timedelta(days=3)).isoformat()}, "end_time"),
        ("/api/sessions/start", {"project_path": "/p", "start_time": "2019-12-31T23:59:59Z"}, "start_time"),
    ],
)
def test_an_absurd_single_write_is_a_400_that_names_the_field_and_the_remedy(
    target: Target, path: str, body: dict[str, Any], field: str
) -> None:
    before = target.stored()
    error = refused(target.post(path, json.dumps({"session_id": SESSION} | body).encode()), 400, "VALIDATION_ERROR")
    assert list(error["details"]) == [field]
    assert error["message"].startswith(f"{field}: is ")
    assert "; check " in error["message"]
    after = target.stored()
    assert {name: n for name, n in after.items() if name != "projects"} == {name: n for name, n in before.items() if name != "projects"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/activities", {"file_path": "/a", "action": "created", "lines_added": 10_000_000, "lines_removed": 10_000_000}),
        ("/api/tool-calls", {"tool_name": "Bash", "result_status": "success", "execution_time_ms": 7 * 86_400_000}),
        ("/api/conversations", {"content": "x", "role": "user", "usage": {"output_tokens": 100_000_000}}),
        ("/api/conversations", {"content": "x", "role": "user", "timestamp": (NOW + timedelta(hours=38)).isoformat()}),
    ],
)
def test_values_at_the_limit_are_accepted(target: Target, path: str, body: dict[str, Any]) -> None:
    answer: httpx.Response = target.post(path, json.dumps({"session_id": SESSION} | body).encode())
    assert answer.status_code == 201, answer.text
