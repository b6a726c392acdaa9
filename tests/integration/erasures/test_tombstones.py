"""Everything with a tombstone is left out at every door: acknowledged, counted, and in no table."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.drain.accounting import accounting
from services.worker.lock_order import lock_writing_exclusive
from services.worker.persist.tombstones import Kind, write_range_tombstone, write_tombstones
from shared.events.messages import Conversation, Event, HookPayload, SessionStart, TranscriptRange
from shared.events.readings import RateLimit, RateLimits, Reading, SessionFile, StatusLine
from tests.integration.keys.ownership.owners import ANNS, AT, BOBS, LIVE, World, conversation
from tests.integration.worker.all_tables import tables
from tests.telemetry import event, logs

WORDS = "words of ann"
CONTENT = conversation(ANNS, "/ann", AT, WORDS)
PROMPT = '{"session_id": "%s", "hook_event_name": "UserPromptSubmit", "cwd": "/ann", "prompt": "%s"}'


def keep_out(world: World, kind: Kind, *names: str) -> None:
    with world.worker.transaction() as connection:
        lock_writing_exclusive(connection)
        write_tombstones(connection, kind, names, reason="erased", job_id=uuid4())


def by_events(world: World) -> None:
    world.append(events=events(LIVE, "ann", "/ann"))


def events(session_id: str, user: str, path: str, words: str = WORDS) -> list[Event]:
    return [
        SessionStart(id=uuid4(), session_id=session_id, project_path=path, user=user, start_time=AT),
        Conversation(id=uuid4(), session_id=session_id, role="user", content=words, timestamp=AT),
    ]


def by_a_hook(world: World) -> None:
    hook = HookPayload(id=uuid4(), session_id=ANNS, payload=PROMPT % (ANNS, WORDS), occurred_at=AT, machine_id="laptop", user="ann")
    world.append(hooks=[hook])


def by_a_range(world: World) -> None:
    size = len(CONTENT)
    place: dict[str, Any] = {"session_id": ANNS, "file_name": f"{ANNS}.jsonl", "start_offset": 0, "end_offset": size}
    world.append(ranges=[TranscriptRange(**place, content=CONTENT.decode(), machine_id="laptop", user="ann")])


def by_an_import(world: World) -> None:
    assert world.upload(world.api.key("ingest", user="ann"), f"{ANNS}.jsonl", CONTENT).status_code in (200, 202)


Door = Callable[[World], None]


@pytest.mark.parametrize("named", [("session", ANNS), ("user", "ann")], ids=lambda named: named[0])
def test_a_tombstone_keeps_out_readings(world: World, named: tuple[Any, ...]) -> None:
    limits = RateLimits(five_hour=RateLimit(used_percentage=40, resets_at=AT.timestamp()))
    place: dict[str, Any] = {"read_at": AT, "machine_id": "laptop", "user": "ann"}
    line = StatusLine(session_id=ANNS, model=WORDS, rate_limits=limits, **place)
    file = SessionFile(session_id=ANNS, pid=1, status="busy", is_alive=True, **place)
    keep_out(world, *named)

    world.append(readings=[Reading(id=uuid4(), body=body) for body in (line, file)])
    world.settle()

    for table in ("status_lines", "session_processes", "quota_readings", "session_machines", "dead_letters"):
        assert world.api.select(f"SELECT count(*) FROM {table}") == [{"count": 0}], table


@pytest.mark.parametrize("named", [("session", ANNS, LIVE), ("user", "ann"), ("project", "/ann")], ids=lambda named: named[0])
@pytest.mark.parametrize("door", [by_events, by_a_hook, by_a_range, by_an_import], ids=lambda door: door.__name__)
def test_a_tombstone_keeps_out_what_comes_late(world: World, door: Door, named: tuple[Any, ...]) -> None:
    # Given tombstones
    keep_out(world, *named)

    # When ann's work comes by a door, and bob's beside it
    door(world)
    world.append(events=events(BOBS, "bob", "/bob", "words of bob"))
    world.settle()

    # Then no table has a word of hers, bob's is stored, and the account has every event
    with world.worker.transaction() as connection:
        found = {table: rows for table, rows in tables(connection).items() if any(WORDS in row or ANNS in row for row in rows)}
    assert found == {}
    assert world.api.select("SELECT session_id FROM messages") == [{"session_id": BOBS}]
    assert world.api.select("SELECT session_id FROM sessions") == [{"session_id": BOBS}]
    assert world.api.select("SELECT count(*) FROM transcript_files") == [{"count": 0}]
    assert world.api.select("SELECT count(*) FROM dead_letters") == [{"count": 0}]
    assert accounting(world.worker).drift == 0


def beside(session_id: str) -> list[Reading]:
    """A machine's own report of a session: neither a person nor a project."""
    place: dict[str, Any] = {"session_id": session_id, "read_at": AT, "machine_id": "laptop"}
    return [Reading(id=uuid4(), body=body) for body in (StatusLine(**place), SessionFile(pid=1, status="busy", is_alive=True, **place))]


@pytest.mark.parametrize("named", [("user", "ann"), ("project", "/ann")], ids=lambda named: named[0])
@pytest.mark.parametrize("door", [by_events, by_a_hook, by_a_range, by_an_import], ids=lambda door: door.__name__)
def test_what_came_before_a_session_turned_out_to_be_erased_goes(world: World, door: Door, named: tuple[Any, ...]) -> None:
    # Given readings and telemetry of sessions that nothing else is known of, hers and bob's
    keep_out(world, *named)
    for session_id in (ANNS, LIVE, BOBS):
        world.append(readings=beside(session_id))
        export = logs(event("compaction", 1, session=session_id))
        assert world.api.post(world.api.key("ingest"), "/v1/logs", export).status_code == 200
    world.settle()
    assert left_beside(world) == {ANNS, LIVE, BOBS}

    # When hers come by a door that says whose they are, and where, and more of the same behind them
    door(world)
    world.settle()
    gone = {LIVE} if door is by_events else {ANNS}
    for session_id in gone:
        world.append(readings=beside(session_id))
    world.settle()

    # Then nothing is left of them
    assert left_beside(world) == {ANNS, LIVE, BOBS} - gone
    assert accounting(world.worker).drift == 0


def left_beside(world: World) -> set[str]:
    """Sessions that readings or telemetry name."""
    tables_beside = ("status_lines", "session_processes", "signals", "session_machines")
    found = " UNION ".join(f"SELECT session_id FROM {table}" for table in tables_beside)
    return {row["session_id"] for row in world.api.select(found)}


def test_left_out_events_are_counted_apart_and_an_import_says_how_many(world: World) -> None:
    keep_out(world, "user", "ann")

    by_events(world)
    by_an_import(world)
    world.settle()

    assert world.api.select("SELECT sum(left_out)::integer AS left_out FROM ledger") == [{"left_out": 2}]
    [job] = world.api.select("SELECT skipped_records FROM import_jobs WHERE kind = 'import'")
    assert job["skipped_records"] == {"erased or expired": 8}


def test_a_session_that_an_erased_user_begins_stays_out_when_it_goes_on_without_a_user(world: World) -> None:
    keep_out(world, "user", "ann")
    by_events(world)
    world.settle()

    # When the session goes on, in events that name no user
    world.append(events=[Conversation(id=uuid4(), session_id=LIVE, role="user", content=WORDS, timestamp=AT)])
    world.settle()

    # Then it is left out too
    assert world.api.select("SELECT count(*) FROM sessions") == [{"count": 0}]


def test_a_range_keeps_out_its_time_alone(world: World) -> None:
    # Given a session of which a minute was erased
    with world.worker.transaction() as connection:
        lock_writing_exclusive(connection)
        write_range_tombstone(connection, LIVE, AT, AT + timedelta(minutes=1), uuid4())

    # When events of that minute come, and one of the next
    start, said = events(LIVE, "ann", "/ann")
    later = Conversation(id=UUID(int=7), session_id=LIVE, role="user", content="later", timestamp=AT + timedelta(minutes=1))
    world.append(events=[start, said, later])
    world.settle()

    # Then the later one is stored
    assert world.api.select("SELECT content FROM messages") == [{"content": "later"}]


def test_doors_that_can_know_refuse_what_was_erased(world: World) -> None:
    # Given a person and a session that were erased
    keep_out(world, "user", "ann")
    keep_out(world, "session", BOBS)
    key = world.api.key("ingest")
    bob = {"session_id": BOBS, "hook_event_name": "UserPromptSubmit", "cwd": "/bob", "prompt": "words of bob"}

    # When a shipper sends what it has of them
    answers = [
        world.put(key, ANNS, CONTENT, machine="laptop", user="ann"),
        world.put(key, BOBS, conversation(BOBS, "/bob", AT, "words of bob"), machine="other"),
        world.api.post(key, "/api/hooks?user=ann", {**bob, "session_id": ANNS}),
        world.api.post(key, "/api/hooks", bob),
        world.api.ask(key, "PUT", "/api/machines/laptop", json={"name": "a laptop", "user": "ann"}),
        world.api.post(key, "/api/sessions/start", {"project_path": "/ann", "user": "ann"}),
        world.api.post(key, "/api/sessions/start", {"project_path": "/bob", "session_id": BOBS}),
    ]

    # Then each answer says that nothing of it is taken, and nothing is left behind
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(410, "ERASED")] * len(answers)
    for table in ("sessions", "projects", "machines"):
        assert world.api.select(f"SELECT count(*) FROM {table}") == [{"count": 0}]
    assert world.worker.redis.xlen("journal:0") == 0


def test_a_batch_is_taken_without_what_was_erased(world: World) -> None:
    keep_out(world, "session", BOBS)
    key = world.api.key("ingest")
    items = [{"type": "session_start", "project_path": "/x", "session_id": each, "user": "carl"} for each in (BOBS, "another")]

    answer = world.api.post(key, "/api/events", items).json()
    world.settle()

    assert (answer["accepted"], [each["code"] for each in answer["rejected"]]) == (1, ["ERASED"])
    assert world.api.select("SELECT session_id FROM sessions") == [{"session_id": "another"}]


@pytest.mark.parametrize("named", [("session", ANNS), ("user", "ann")], ids=lambda named: named[0])
def test_telemetry_of_what_was_erased_is_left_out_and_the_exporter_is_told(world: World, named: tuple[Any, ...]) -> None:
    # Given a tombstone, and an ingest that does not know of it yet
    keep_out(world, *named)
    ann = world.api.key("ingest", user="ann")

    def told(number: int) -> dict[str, Any]:
        export = logs(event("tool_result", number, session=ANNS, tool_use_id="toolu_1", duration_ms="1"))
        answer = world.api.post(ann, "/v1/logs", export)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    # When her telemetry comes again and again
    numbers = count()
    assert wait_until(lambda: "partialSuccess" in told(next(numbers)), 60)
    world.settle()

    # Then it is rejected once that is known, and what came before is in no table
    partial = told(next(numbers))["partialSuccess"]
    assert partial["rejectedLogRecords"] == "1"
    assert "erased" in partial["errorMessage"]
    assert world.api.select("SELECT count(*) FROM signals") == [{"count": 0}]
    assert accounting(world.worker).drift == 0


def test_telemetry_of_a_time_that_was_erased_is_left_out(world: World) -> None:
    with world.worker.transaction() as connection:
        lock_writing_exclusive(connection)
        write_range_tombstone(connection, ANNS, AT, AT + timedelta(hours=1), uuid4())
    hours = [event("compaction", number, session=ANNS, start=AT + timedelta(hours=number - 1)) for number in range(4)]

    assert world.api.post(world.api.key("ingest"), "/v1/logs", logs(*hours)).status_code == 200
    world.settle()

    kept = world.api.select("SELECT occurred_at FROM signals ORDER BY occurred_at")
    assert [row["occurred_at"] - AT for row in kept] == [timedelta(hours=-1), timedelta(hours=1), timedelta(hours=2)]
