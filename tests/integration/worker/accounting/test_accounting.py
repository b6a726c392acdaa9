"""accepted = persisted + duplicate + dead + pending, to the event, whichever process dies or stalls."""

from uuid import uuid4

import psycopg
import pytest

from services.worker.drain.accounting import accounting, check_accounting
from services.worker.drain.consumer_fencing import FencedError, record_entries
from services.worker.drain.drain_partition import drain, store_batch
from services.worker.drain.stream_reader import acknowledge, make_group, read_new
from services.worker.maintenance import verify
from services.worker.maintenance.idle_sessions import remove_dead_consumers
from shared.events.messages import Canary, Envelope, encode_envelope
from shared.journal.accounting import CHECK_KEY
from shared.journal.streams import GROUP, PAYLOAD_FIELD, accounting_key, stream_key
from tests.integration.worker.accounting.accounting_world import NOW, STREAMS, World, call


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
    envelope = Envelope(version=1, request_id="r", received_at=NOW, events=[event])
    world.redis.xadd(stream_key(0), {PAYLOAD_FIELD: encode_envelope(envelope)})
    for stream in STREAMS:
        read_new(world.redis, stream, "worker-of-an-earlier-version")
    world.append(call())
    world.let_time_pass()

    drain(world.me)

    assert world.sums() == (1, 1, 0, 0, 0)
    with psycopg.connect(world.me.settings.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (2,)
        assert connection.execute("SELECT sum(persisted) FROM ledger").fetchone() == (2,)


def test_a_canary_is_in_the_account_but_in_no_statistics(world: World) -> None:
    # Given a canary that comes twice, and was written as a worker that knows of none would read it: without events
    flying = Canary(id=uuid4(), sent_at=NOW)
    payload = encode_envelope(Envelope(version=1, request_id="r", received_at=NOW, events=[], canary=flying))
    assert b'"events":[]' in payload
    for _ in range(2):
        world.append(payload=payload, n=1)

    drain(world.me)

    assert world.sums() == (2, 1, 1, 0, 0)
    with psycopg.connect(world.me.settings.database_url) as connection:
        assert connection.execute("SELECT id FROM canaries").fetchall() == [(flying.id,)]
        assert connection.execute("SELECT sum(persisted + duplicates), max(last_received_at) FROM ledger").fetchone() == (0, None)


def test_drift_in_either_direction_raises_an_alarm(world: World) -> None:
    world.append(call(), call())
    drain(world.me)
    assert check_accounting(world.me, 0).drift == 0
    assert world.redis.hget(CHECK_KEY, "alarms") is None

    # When Postgres has lost an event, or one was counted twice, or entries were removed from the journal by hand
    with psycopg.connect(world.me.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE accounts SET persisted = persisted - 1")
        assert check_accounting(world.me, 0).drift == 1
        connection.execute("UPDATE accounts SET persisted = persisted + 4")
        assert check_accounting(world.me, 0).drift == 3
        connection.execute("UPDATE accounts SET persisted = persisted - 3")
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

    with psycopg.connect(world.me.settings.database_url, autocommit=True) as connection:
        connection.execute("UPDATE accounts SET dead = 5")
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
    with psycopg.connect(world.me.settings.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO drainers (consumer) VALUES ('gone')")
        connection.execute("UPDATE drainers SET registered_at = now() - interval '2 hours'")
        remove_dead_consumers(world.me)
        assert connection.execute("SELECT consumer FROM drainers").fetchall() == [(world.other.consumer.name,)]


def test_the_account_key_shares_the_hash_slot_of_its_stream(world: World) -> None:
    assert accounting_key(stream_key(7)) == "accounting:{7}"
