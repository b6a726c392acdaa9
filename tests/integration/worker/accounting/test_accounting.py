"""accepted = persisted + duplicate + dead + pending, to the event, whichever process dies or stalls."""

import asyncio
import json
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from services.ingest.journal.append import Entry, Journal
from services.ingest.journal.backlog import Backlog
from services.ingest.journal.wakeup import WakeupSender
from services.worker.drain.accounting import accounting, check_accounting
from services.worker.drain.consumer_fencing import FencedError, record_entries
from services.worker.drain.drain_partition import drain, store_batch
from services.worker.drain.stream_reader import acknowledge, make_group, read_new
from services.worker.maintenance import verify
from services.worker.maintenance.idle_sessions import remove_dead_consumers
from services.worker.persist.records import ApiCall, Message, ProjectSeen, Record, SessionFacts
from services.worker.resources import Resources
from shared.broker import sender
from shared.events.messages import Canary, Conversation
from shared.journal.accounting import CHECK_KEY
from shared.journal.dead_letter_envelope import WHOLE_ENTRY, DeadLetter, encode_replay, events_in
from shared.journal.streams import GROUP, accounting_key, stream_key
from tests.example_counts import examples
from tests.integration.worker.accounting.accounting_world import NOW, STREAMS, World, call
from tests.integration.worker.journal_entries import append, request
from tests.integration.worker.statements import execute, select


def test_each_event_is_counted_once_by_its_outcome(world: World) -> None:
    # Given two events, one of them twice, one that Postgres refuses, and an undecodable entry of seven
    twice = call()
    world.append(twice, call(), twice, call(name="bad \x00 name"))
    world.append(payload=b"{not json", n=7)
    assert world.sums() == (11, 0, 0, 0, 11)

    # When they are drained
    drain(world.me)

    # Then the equation holds to the event
    assert world.sums() == (11, 2, 1, 8, 0)
    assert accounting(world.me).drift == 0


def test_a_committed_but_unacknowledged_entry_is_acknowledged_without_counting_again(world: World) -> None:
    # Given a worker that dies between its commit and its acknowledgement, with more in its hands than it committed
    world.append(call())
    committed = world.take(world.other)
    world.commit(world.other, committed)
    world.append(call())
    world.take(world.other)
    assert world.sums()[1:] == (1, 0, 0, 2)
    world.let_time_pass()

    # When another takes over, then each is counted once
    drain(world.me)
    assert world.sums() == (2, 2, 0, 0, 0)
    assert world.redis.xpending(stream_key(0), GROUP)["pending"] == 0


def test_a_fenced_worker_commits_nothing_and_continues_under_a_new_consumer_name(world: World) -> None:
    # Given a worker that is stopped with an entry in hand, for so long that another stores it
    world.append(call())
    taken = world.take(world.other)
    former_name = world.other.consumer.name
    world.let_time_pass()
    drain(world.me)

    # When it goes on, then it can't commit
    with pytest.raises(FencedError):
        world.commit(world.other, taken)
    world.append(call())
    assert drain(world.other) is True
    world.let_time_pass()
    drain(world.other)
    assert world.other.consumer.name != former_name
    assert world.sums() == (2, 2, 0, 0, 0)


def test_a_worker_inside_its_transaction_is_never_fenced(world: World) -> None:
    # Given a worker at the beginning of a slow transaction
    world.append(call())
    entries = world.take(world.other)
    assert world.other.consumer.name
    with world.other.transaction() as connection:
        record_entries(connection, world.other.consumer.name, entries)
        world.let_time_pass()

        # When another looks for what is abandoned, then it takes nothing, and goes on with what is new
        world.append(call())
        drain(world.me)
        assert world.sums() == (2, 1, 0, 0, 1)

        # And it comes to its end
        store_batch(world.other, connection, world.other.consumer.name, entries)
    acknowledge(world.redis, entries)
    assert world.sums() == (2, 2, 0, 0, 0)


def test_a_late_acknowledgement_settles_nothing_twice(world: World) -> None:
    world.append(call())
    entries = world.take(world.other)
    world.commit(world.other, entries)
    world.let_time_pass()
    drain(world.me)

    acknowledge(world.redis, entries)

    assert world.sums() == (1, 1, 0, 0, 0)


def test_a_replaced_journal_begins_a_new_account(world: World) -> None:
    # Given events that are stored, and some that were lost with the journal
    world.append(call(), call())
    drain(world.me)
    world.append(call())
    world.redis.flushdb()
    for stream in STREAMS:
        make_group(world.redis, stream)

    # When new ones come, then they alone are in the equation, and it says that there was another
    world.append(call())
    drain(world.me)
    assert world.sums() == (1, 1, 0, 0, 0)
    assert accounting(world.me).former_epochs == 1
    assert accounting(world.me).drift == 0


def test_entries_of_a_release_without_accounts_are_stored_outside_the_account(world: World) -> None:
    # Given an entry as it was written before there were accounts, among others, and taken before by a worker of that version
    event = call()
    append(world.me, event)
    for stream in STREAMS:
        read_new(world.redis, stream, "worker-of-an-earlier-version")
    world.append(call())
    world.let_time_pass()

    drain(world.me)

    assert world.sums() == (1, 1, 0, 0, 0)
    assert select(world.me, "SELECT count(*) FROM tool_calls") == [(2,)]
    assert select(world.me, "SELECT sum(persisted) FROM ledger") == [(2,)]


def test_a_canary_is_in_the_account_but_in_no_statistics(world: World) -> None:
    # Given a canary that comes twice, and was written as a worker that knows of none would read it: without events
    flying = Canary(id=uuid4(), sent_at=NOW)
    payload = request(canary=flying)
    assert b'"events":[]' in payload
    for _ in range(2):
        world.append(payload=payload, n=1)

    drain(world.me)

    assert world.sums() == (2, 1, 1, 0, 0)
    assert select(world.me, "SELECT id FROM canaries") == [(flying.id,)]
    assert select(world.me, "SELECT sum(persisted + duplicates), max(last_received_at) FROM ledger") == [(0, None)]


def test_drift_in_either_direction_raises_an_alarm(world: World) -> None:
    world.append(call(), call())
    drain(world.me)
    assert check_accounting(world.me, 0).drift == 0
    assert world.redis.hget(CHECK_KEY, "alarms") is None

    # When Postgres has lost an event, or one was counted twice, or entries were removed from the journal by hand
    execute(world.me, "UPDATE accounts SET persisted = persisted - 1")
    assert check_accounting(world.me, 0).drift == 1
    execute(world.me, "UPDATE accounts SET persisted = persisted + 4")
    assert check_accounting(world.me, 0).drift == 3
    execute(world.me, "UPDATE accounts SET persisted = persisted - 3")
    world.append(call())
    world.redis.xtrim(stream_key(0), 0)
    assert check_accounting(world.me, 0).drift == 1
    assert world.redis.hget(CHECK_KEY, "alarms") == b"3"


def test_verify_reports_the_account(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TRACKER_DATABASE_URL", world.me.settings.database_url)
    monkeypatch.setenv("TRACKER_REDIS_URL", world.me.settings.redis_url)
    world.append(call())
    drain(world.me)
    assert verify.main() == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "accounting           ok: 1 accepted = 1 persisted + 0 duplicate + 0 dead + 0 pending"

    execute(world.me, "UPDATE accounts SET dead = 5")
    assert verify.main() == 1
    assert "5 events are missing or too many" in capsys.readouterr().out


@pytest.mark.parametrize("away", ["TRACKER_DATABASE_URL", "TRACKER_REDIS_URL"])
def test_verify_reports_an_unreachable_server_in_one_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], away: str
) -> None:
    urls = {"TRACKER_DATABASE_URL": world.me.settings.database_url, "TRACKER_REDIS_URL": world.me.settings.redis_url}
    urls[away] = {"TRACKER_DATABASE_URL": "postgresql://tracker@127.0.0.1:1/tracker", "TRACKER_REDIS_URL": "redis://127.0.0.1:1/0"}[away]
    for name, url in urls.items():
        monkeypatch.setenv(name, url)
    assert verify.main() == 1
    [sentence] = capsys.readouterr().err.splitlines()
    assert sentence.startswith("Nothing can be verified while a server is away")


def test_rows_of_dead_consumers_are_removed_unless_they_hold_entries(world: World) -> None:
    world.append(call())
    world.take(world.other)
    execute(world.me, "INSERT INTO drainers (consumer) VALUES ('gone')")
    execute(world.me, "UPDATE drainers SET registered_at = now() - interval '2 hours'")
    remove_dead_consumers(world.me)
    assert select(world.me, "SELECT consumer FROM drainers") == [(world.other.consumer.name,)]


def test_the_account_key_shares_the_hash_slot_of_its_stream(world: World) -> None:
    assert accounting_key(stream_key(7)) == "accounting:{7}"


JOB = UUID("018f3b1e-0000-7000-8000-000000000001")
GONE = UUID("018f3b1e-0000-7000-8000-000000000002")


def message(content: str = "words") -> Conversation:
    return Conversation(session_id="s", content=content, role="user", timestamp=NOW, id=uuid4())


def of_event(event: Conversation) -> DeadLetter:
    return DeadLetter(journal_entry_id="1-1", event_id=event.id, kind="conversation", payload=msgspec.json.encode(event))


def whole(payload: bytes) -> DeadLetter:
    return DeadLetter(journal_entry_id="1-1", kind=WHOLE_ENTRY, payload=payload)


def of_import(record: Record, job_id: UUID = JOB) -> DeadLetter:
    kind = type(record).__name__
    return DeadLetter(journal_entry_id=f"import:{job_id}", event_id=record.id, kind=kind, payload=msgspec.json.encode(record))


ONE = message()
PROMPT = Message(id=uuid4(), session_id="s", role="user", content="x", source="transcript", timestamp=NOW)
FACTS = SessionFacts(id=uuid4(), session_id="s", source="transcript", project_path="/p", started_at=NOW)
CALL = ApiCall(id=uuid4(), session_id="s", model="claude-x", timestamp=NOW, source="transcript")
DEAD_LETTERS = {
    "stored": [of_event(ONE)],
    "stored, and a duplicate": [of_event(ONE), of_event(ONE)],
    "dies again": [of_event(message("bad \0"))],
    "of no kind that is known": [DeadLetter(journal_entry_id="1-1", event_id=uuid4(), kind="x", payload=b"?")],
    "an entry that can be read": [whole(request(message(), message()))],
    "an entry with poison": [whole(request(message(), message("bad \0"), message()))],
    "an entry without events": [whole(request())],
    "an entry of which some can be read": [whole(request(message(), message()).replace(b'"role":"user"', b'"role":"nobody"', 1))],
    "an entry of a newer version": [whole(request(message(), message(), version=99))],
    "no entry at all": [whole(b"{")],
    "records of an import": [*map(of_import, (PROMPT, FACTS, CALL, ProjectSeen(id=uuid4(), project_path="/p"))), of_import(PROMPT)],
    "of an import that is gone": [of_import(PROMPT, GONE)],
    "all sorts together": [of_event(message()), whole(b"{"), of_import(PROMPT), whole(request(message("bad \0")))],
}


@pytest.mark.parametrize("dead_letters", DEAD_LETTERS.values(), ids=DEAD_LETTERS.keys())
def test_the_account_counts_replays_by_their_outcome(worker: Resources, dead_letters: list[DeadLetter]) -> None:
    execute(worker, "INSERT INTO import_jobs (id, files, status) VALUES (%s, '[]', 'succeeded')", [JOB])
    asyncio.run(_append(worker, dead_letters))
    accepted = sum(map(events_in, dead_letters))
    before = accounting(worker)
    assert (before.accepted, before.pending, before.drift) == (accepted, accepted, 0)

    drain(worker)

    after = accounting(worker)
    assert (after.accepted, after.pending, after.drift) == (accepted, 0, 0)


async def _append(worker: Resources, dead_letters: list[DeadLetter]) -> None:
    app = sender(worker.settings.redis_url)
    async with Redis.from_url(worker.settings.redis_url) as redis:
        entries = [Entry(stream_key(0), encode_replay(dead_letter), events_in(dead_letter)) for dead_letter in dead_letters]
        await Journal(redis, WakeupSender(app), Backlog(redis, partitions=1, max_entries=1000)).append(entries)
    app.close()


IDS = [UUID(int=number) for number in range(1, 9)]
STEPS = st.one_of(
    st.tuples(st.just("append"), st.lists(st.sampled_from(range(len(IDS))), min_size=1, max_size=4)),
    st.tuples(st.just("poison"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["unreadable", "time", "drain", "other drains", "take", "commit", "acknowledge", "die"]), st.none()),
)


@given(st.lists(STEPS, max_size=20))
@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_account_balances_after_any_sequence_of_steps(world: World, steps: list[tuple[str, object]]) -> None:
    world = _begin_again(world)
    accepted_ids: set[UUID] = set()

    for step, argument in steps:
        match step, argument:
            case "append", list(chosen):
                world.append(*(call(IDS[at], session_id=f"s{at % 3}") for at in chosen))
                accepted_ids |= {IDS[at] for at in chosen}
            case "poison", int(among):
                world.append(*(call() for _ in range(among)), call(name="\x00"))
                accepted_ids |= {uuid4() for _ in range(among)}
            case _:
                _do(world, step)
        assert accounting(world.me).drift == 0

    # In the end whatever is alive goes on.
    for _ in range(3):
        world.let_time_pass()
        drain(world.me)
        drain(world.other)
    found = accounting(world.me)
    assert (found.accepted, found.pending, found.drift) == (world.accepted, 0, 0)
    assert found.persisted + found.duplicate + found.dead == world.accepted

    assert select(world.me, "SELECT count(*) FROM tool_calls") == [(found.persisted,)]
    assert found.persisted == len(accepted_ids)


def _do(world: World, step: str) -> None:
    match step:
        case "unreadable":
            world.append(payload=json.dumps({"version": 1}).encode(), n=3)
        case "time":
            world.let_time_pass()
        case "drain":
            drain(world.me)
        case "other drains" if not world.in_hand:
            drain(world.other)
        case "take" if not world.in_hand:
            world.in_hand, world.is_committed = world.take(world.other), False
        case "commit" if world.in_hand and not world.is_committed:
            try:
                world.commit(world.other, world.in_hand)
                world.is_committed = True
            except FencedError:
                _lose_name(world)
        case "acknowledge" if world.in_hand and world.is_committed:
            acknowledge(world.redis, world.in_hand)
            world.in_hand = []
        case "die":
            _lose_name(world)


def _lose_name(world: World) -> None:
    world.other.consumer.name = None
    world.in_hand = []


def _begin_again(world: World) -> World:
    """The same servers and workers, with nothing in them."""
    world.redis.flushdb()
    for stream in STREAMS:
        make_group(world.redis, stream)
    execute(world.me, "TRUNCATE accounts, drainers, ledger, dead_letters, tool_calls, sessions, session_events")
    world.me.consumer.name = None
    world.other.consumer.name = None
    return World(world.me, world.other, world.redis)
