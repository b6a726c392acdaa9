"""Gives back the room of what was dropped: contents of the archive at once, rows to Postgres, and of its files what is empty at their end.

VACUUM makes room for new rows in the same files, which therefore stop growing. Only a rewrite makes the files small, and it locks each table meanwhile:
a run does that if it was asked for (`rewrite`).
"""

from typing import Any, Final

from psycopg import Connection

from services.worker.archive.retention import collect_garbage
from services.worker.maintenance.retention.retention_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.maintenance.vacuum import vacuum
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "give_back.sql")

_REWRITES: Final = "SELECT coalesce((options ->> 'rewrite')::boolean, false) FROM jobs WHERE id = %(run_id)s"


def begin_changes(connection: Connection[Any]) -> None:
    """To be called when a transaction begins that changed_tables() ends."""
    connection.execute(_SQL.begin_changes)


def changed_tables(connection: Connection[Any]) -> list[str]:
    """The tables that the transaction has deleted from or changed since, for vacuum_table()."""
    return [name for (name,) in connection.execute(_SQL.changed_tables).fetchall()]


def give_back_contents(step: Step) -> Done:
    """Deletes contents of the archive that nothing refers to any more, but for those that were put within a day."""
    collect_garbage(step.worker)
    return Done(None)


def vacuum_table(step: Step) -> Done:
    """The next table of which rows were dropped or emptied."""
    connection = step.connection
    found = connection.execute(_SQL.tables, {"after": step.after or "", "run_id": step.run_id}).fetchone()
    if found is None:
        return Done(None)
    [name] = found
    [(rewrites,)] = connection.execute(_REWRITES, {"run_id": step.run_id}).fetchall()
    if not (rewrites and vacuum(connection, "VACUUM (FULL, ANALYZE)", name)):
        vacuum(connection, "VACUUM (ANALYZE)", name)
    return Done(name)
