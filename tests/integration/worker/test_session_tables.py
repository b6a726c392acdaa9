"""Drops, erasures and tombstones of sessions go over every table with the id of one."""

from services.worker.persist.tombstones import keep_out_items, write_tombstones
from services.worker.resources import Resources
from services.worker.session_tables import session_tables, tables_beside
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import session, store
from tests.integration.worker.session_rows import add_row, tables_of
from tests.kept_connection import Connection

# Tables in which a run of retention keeps its progress.
BEGUN_BY_A_RUN = {"dropping_sessions"}


def fill(connection: Connection, session_id: str, tables: set[str]) -> None:
    for table in sorted(tables):
        add_row(connection, table, session_id)


def test_a_dropped_session_leaves_no_row_in_any_table(worker: Resources) -> None:
    # Given a session with a row in each
    store(worker, session("old", "ann", 0))
    with worker.transaction() as connection:
        fill(connection, "old", session_tables().keys() - BEGUN_BY_A_RUN - tables_of(connection, "old"))
        assert tables_of(connection, "old") >= session_tables().keys() - BEGUN_BY_A_RUN

    set_rule(worker, "sessions", 30)
    drop(worker)

    with worker.connection() as connection:
        assert tables_of(connection, "old") == set()


def test_what_stands_beside_no_session_goes_after_its_time(worker: Resources) -> None:
    # Given sessions of which nothing else came, long ago and just now
    beside = {table.name for table in tables_beside()}
    with worker.transaction() as connection:
        fill(connection, "old", beside)
        [(now,)] = connection.execute("SELECT now()").fetchall()
        for table in beside:
            add_row(connection, table, "new", now)
    for what in ("live_payloads", "sessions"):
        set_rule(worker, what, 30)

    said = drop(worker, is_dry_run=True)
    dropped = drop(worker)

    assert dropped == said
    with worker.connection() as connection:
        assert tables_of(connection, "old") == set()
        assert tables_of(connection, "new") == beside


def test_what_stands_beside_no_session_stays_without_a_rule(worker: Resources) -> None:
    beside = {table.name for table in tables_beside()}
    with worker.transaction() as connection:
        fill(connection, "old", beside)

    drop(worker)

    with worker.connection() as connection:
        assert tables_of(connection, "old") == beside


def test_what_came_before_a_session_turned_out_to_be_of_an_erased_user_goes(worker: Resources) -> None:
    with worker.transaction() as connection:
        fill(connection, "hers", {table.name for table in tables_beside()})
        write_tombstones(connection, "user", ["ann"], reason="erased")

    with worker.transaction() as connection:
        keep_out_items(connection, [("hers", "ann")])

    with worker.connection() as connection:
        assert tables_of(connection, "hers") == set()
