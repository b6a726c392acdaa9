"""The room of what a run of retention drops is given back, of every table that it drops or empties something of."""

from typing import Any
from uuid import uuid4

import pytest
from psycopg import Connection, sql

from services.worker.maintenance.jobs import run_job
from services.worker.resources import Resources
from services.worker.session_tables import session_tables
from shared.jobs import KINDS, RETENTION
from tests.integration.worker.maintenance.retaining import drop, fill, set_rule
from tests.integration.worker.session_rows import OLD, add_row, tables_of, tables_with
from tests.integration.worker.statements import execute, select

# Each step of a run writes there.
OF_THE_RUN = {"jobs", "retention_counts"}
TABLES = "SELECT relname, pg_relation_filenode(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
# Values that an ended job needs, by table.
JOBS: dict[str, dict[str, Any]] = {"import_jobs": {"has_files": False}, "jobs": {"kind": "scrub"}}


def contents(connection: Connection[Any]) -> dict[str, set[str]]:
    names = [name for name, _ in connection.execute(TABLES)]
    select = sql.SQL("SELECT t::text FROM {} AS t")
    return {name: {row for (row,) in connection.execute(select.format(sql.Identifier(name)))} for name in names}


def files(connection: Connection[Any]) -> dict[str, int]:
    return dict(connection.execute(TABLES).fetchall())


@pytest.mark.parametrize("whats", [("texts",), ("sessions",), ("archive", "jobs", "dead_letters", "scrubs", "audit", "live_payloads")])
def test_every_table_that_lost_something_is_written_anew(worker: Resources, whats: tuple[str, ...]) -> None:
    # Given sessions with a row in each table, ended jobs, and what stands beside no session
    fill(worker)
    with worker.transaction() as connection:
        for table in session_tables().keys() - {"dropping_sessions", "dropped_texts"} - tables_of(connection, "a0"):
            add_row(connection, table, "a0")
        for table in ended_jobs(connection):
            add_row(connection, table, status="succeeded", finished_at=OLD, **JOBS.get(table, {}))
        for table in ("hook_payloads", "signals"):
            add_row(connection, table, "of nothing else")
        connection.execute("UPDATE session_facts SET title = 'words'")
    for what in whats:
        set_rule(worker, what, 30)
    run_id = uuid4()
    execute(worker, "INSERT INTO jobs (kind, id, options) VALUES ('retention', %(id)s, '{\"rewrite\": true}')", {"id": run_id})
    with worker.connection() as connection:
        before, old_files = contents(connection), files(connection)

    while run_job(worker, RETENTION, run_id, 60):
        pass

    with worker.connection() as connection:
        after, new_files = contents(connection), files(connection)
    lost = {table for table, kept in before.items() if kept - after[table]} - OF_THE_RUN
    assert lost
    assert {table for table in lost if new_files[table] == old_files[table]} == set()
    # And no more than these, notes of what was lost, and what was only there meanwhile
    written = {table for table, file in new_files.items() if file != old_files[table]}
    assert written - lost <= {table for table in after if not before[table]} | {"search_changes", "search_changes_kept"} | OF_THE_RUN


def ended_jobs(connection: Connection[Any]) -> set[str]:
    """The tables of jobs, by the catalog: those with a status and an end."""
    return set(tables_with(connection, "status")) & set(tables_with(connection, "finished_at"))


def test_an_ended_job_of_every_kind_goes(worker: Resources) -> None:
    with worker.transaction() as connection:
        jobs = ended_jobs(connection)
        for table in jobs - {"jobs"}:
            add_row(connection, table, status="succeeded", finished_at=OLD, **JOBS.get(table, {}))
        for kind in KINDS:
            add_row(connection, "jobs", status="succeeded", finished_at=OLD, kind=kind)
    for what in ("jobs", "scrubs"):
        set_rule(worker, what, 30)

    drop(worker)

    of_old = "SELECT count(*) FROM {} WHERE finished_at < now() - interval '1 day'"
    assert {table: select(worker, of_old.format(table)) for table in jobs} == {table: [(0,)] for table in jobs}
