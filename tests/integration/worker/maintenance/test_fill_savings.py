"""Calls that a release before has stored get what the cache saved: as if this release had stored them, and with correct aggregates at every commit."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker import lock_order
from services.worker.maintenance import fill_savings
from services.worker.maintenance.rebuild import rebuild
from services.worker.maintenance.verify import verify
from services.worker.persist.derived_values.pricing import Price, Tokens, price_of
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import ApiCall, SessionFacts
from services.worker.persist.staging import event_kind_rows, stage_records
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from services.worker.sweep.scheduler import NO_CALL, ONE_CALL, Looks
from shared.events.messages import Conversation, Usage
from tests.emptied import empty
from tests.integration.worker.all_tables import tables
from tests.integration.worker.imports.test_imports_in_any_order import EPOCH, GAP, add_job

NAMESPACE = UUID(int=28)
MODELS = ("claude-opus-4-6", "claude-haiku-4-5", "no-such-model")
NOT_KNOWN = "SELECT count(*) FROM api_calls WHERE cost_nano_usd IS NOT NULL AND cache_saved_nano_usd IS NULL"
WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"


def price_of_the_release_before(model: str | None, at: datetime, tokens: Tokens, *, is_fast: bool = False, geo: str | None = None) -> Price:
    """Its workers know the cost alone. So they add nothing to the sums of what the cache saved."""
    price = price_of(model, at, tokens, is_fast=is_fast, geo=geo)
    return Price(price.nano_usd, price.version, None, None)


def call(session_id: str, n: int, output: int = 7) -> ApiCall:
    return ApiCall(
        id=uuid5(NAMESPACE, f"{session_id} {n}"), session_id=session_id, model=MODELS[n % 3], timestamp=EPOCH + timedelta(minutes=40 * n),
        source="transcript", input_tokens=n, output_tokens=output, cache_write_5m_tokens=100 * n, cache_write_1h_tokens=9, cache_read_tokens=500,
    )  # fmt: skip


def facts(session_id: str, user: str) -> SessionFacts:
    return SessionFacts(
        id=uuid5(NAMESPACE, session_id),
        session_id=session_id,
        source="transcript",
        project_path=f"/p/{session_id}",
        user=user,
        started_at=EPOCH,
    )


def store(worker: Resources, events: list[Any], job_number: int) -> None:
    with worker.transaction() as connection:
        persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)


def said(n: int) -> Conversation:
    """A message that comes over the wire, with the tokens of its call."""
    usage = Usage(input_tokens=5, output_tokens=n, cache_creation_input_tokens=1000, cache_read_input_tokens=300 * n)
    return Conversation(
        session_id="wire", content="So.", role="assistant", timestamp=EPOCH + timedelta(days=n), model=MODELS[0], usage=usage,
        id=uuid5(NAMESPACE, f"said {n}"),
    )  # fmt: skip


def fill(worker: Resources) -> None:
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, [facts("s1", "ann"), facts("s2", "bob"), *(call(session_id, n) for session_id in ("s1", "s2") for n in range(9))], number)
    store(worker, [said(n) for n in range(1, 5)], 0)


def everything(worker: Resources) -> dict[str, list[str]]:
    with worker.connection() as connection:
        return tables(connection)


def not_known(worker: Resources) -> int:
    with worker.transaction() as connection:
        [(found,)] = connection.execute(NOT_KNOWN).fetchall()
    return int(found)


def fill_some(worker: Resources, place: fill_savings.Place) -> fill_savings.Place | None:
    with worker.transaction() as connection:
        return fill_savings.fill_some(connection, place)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The worker is of the release before, until `undo`."""
    for module in (stage_records, event_kind_rows):
        monkeypatch.setattr(module, "price_of", price_of_the_release_before)
    return monkeypatch


def test_a_filled_database_is_as_if_this_release_had_stored_the_calls(
    worker: Resources, older: pytest.MonkeyPatch, looks: Looks, database_url: str
) -> None:
    # Given calls that the release before has stored
    fill(worker)
    assert looks.savings() == ONE_CALL
    before = not_known(worker)
    assert before == 2 * 6 + 4
    older.undo()

    # When they are filled in, two in each transaction, while this release stores more
    older.setattr(fill_savings, "CALLS_AT_ONCE", 2)
    place: fill_savings.Place | None = fill_savings.NEWEST
    commits = 0
    while place is not None:
        place = fill_some(worker, place)
        commits += 1
        store(worker, [said(10 + commits)], 0)

        # Then the aggregates agree with the rows after each
        with worker.connection() as connection:
            assert not any(verify(connection, GAP).values()), f"after transaction {commits}"
    assert commits == before / 2 + 1
    assert not_known(worker) == 0
    assert looks.savings() == NO_CALL
    filled = everything(worker)

    # And all is as it is where this release has stored everything
    with psycopg.connect(database_url, autocommit=True) as connection:
        empty(connection)
    fill(worker)
    store(worker, [said(10 + n) for n in range(1, commits + 1)], 0)
    assert everything(worker) == filled


def test_a_call_whose_price_is_no_longer_listed_stays_unknown_and_is_passed_over(worker: Resources, older: pytest.MonkeyPatch) -> None:
    fill(worker)
    with worker.transaction() as connection:
        connection.execute("UPDATE api_calls SET model = 'gone' WHERE model = 'claude-haiku-4-5'")
    with worker.connection() as connection:
        rebuild(connection, GAP)
    older.setattr(fill_savings, "CALLS_AT_ONCE", 1)

    assert fill_savings.run(worker) is None

    assert not_known(worker) == 6
    with worker.connection() as connection:
        assert not any(verify(connection, GAP).values())


def test_one_worker_fills_at_a_time(worker: Resources, older: pytest.MonkeyPatch, database_url: str) -> None:
    fill(worker)
    before = not_known(worker)
    with psycopg.connect(database_url) as other:
        assert lock_order.try_lock_savings(other)

        assert fill_savings.run(worker) is None

        assert not_known(worker) == before


def test_a_run_that_has_to_end_says_where_to_go_on(worker: Resources, older: pytest.MonkeyPatch) -> None:
    fill(worker)
    older.setattr(fill_savings, "CALLS_AT_ONCE", 5)
    place: fill_savings.Place | None = fill_savings.NEWEST
    left = []

    while place is not None:
        place = fill_savings.run(worker, place, run_seconds=0)
        left.append(not_known(worker))

    assert left == [11, 6, 1, 0, 0]


def test_a_better_version_that_is_stored_meanwhile_is_left_as_it_is(
    worker: Resources, older: pytest.MonkeyPatch, database_url: str
) -> None:
    # Given a call of the release before, and a worker of this release that is about to store a better version
    fill(worker)
    older.undo()
    with worker.transaction() as connection:
        number = add_job(connection)
    better = call("s1", 0, output=700)
    with psycopg.connect(database_url, autocommit=True) as watcher:
        pids: list[int] = []

        def go_on() -> None:
            with psycopg.connect(database_url) as connection:
                pids.append(connection.info.backend_pid)
                fill_savings.fill_some(connection)

        thread = threading.Thread(target=go_on)
        with worker.transaction() as connection:
            persist(connection, [ReceivedEvent(better, EPOCH, "test", "1-1")], idle_gap=GAP, job_number=number)
            # When the calls are to be filled in, that waits for the session
            thread.start()
            assert wait_until(lambda: bool(pids) and watcher.execute(WAITS, pids).fetchone() == (1,), 60)
        thread.join(60)
        assert not thread.is_alive()

    # Then nothing is counted twice
    assert not_known(worker) == 0
    with worker.connection() as connection:
        assert not any(verify(connection, GAP).values())
