"""Deletes what sessions that retention dropped counted for: the rows in the tables base_* of a user or a project. The sums follow by triggers.

These tables know projects and users, but no sessions. So what a dropped session counted cannot be told apart when that session alone is erased. Files
know no users: those of a project go with a user if nobody else's session was dropped there. `remains` names the sums that stay.
"""

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.sql_text import sql
from shared.sql_files import SqlFile
from shared.tables.sums import BASE, BASE_FILES, BASE_SESSIONS

_SQL: Final = SqlFile(__package__, "erase_base.sql")

ROWS_AT_ONCE: Final = 300

# Files go first: whose they are is read from base_activity_rollups.
_TABLES: Final = (BASE_FILES, *(name for name in BASE if name != BASE_FILES))

# A part goes out of its whole.
_OF_PROJECT: Final = "(project_id = ANY(%(project_ids)s) OR path_project_id = ANY(%(project_ids)s))"
_OF_USER: Final = "user_id = ANY(%(user_ids)s)"
# Projects in which nobody else's rows were dropped.
_OF_USERS_PROJECTS: Final = f"project_id IN (SELECT project_id FROM base_activity_rollups GROUP BY project_id HAVING bool_and({_OF_USER}))"

_COUNT: Final = "SELECT count(*) FROM $base WHERE $condition"

_SHARED: Final = "In {} projects sessions of others were dropped too. Which of the files there were the person's is not known: their paths and counts stay."


def erase_base(erasure: Erasure, step: Step) -> Done:
    """The next rows of the next table of the base. `after`: the table that is done."""
    connection = step.connection
    if erasure.kind not in ("user", "project"):
        return Done(None)
    if step.is_dry_run:
        return Done(None, _count(connection, erasure))
    number = _TABLES.index(step.after) + 1 if step.after in _TABLES else 0
    if number == len(_TABLES):
        return Done(None)
    table = _TABLES[number]
    remains = _what_others_share(connection, erasure) if number == 0 and erasure.kind == "user" else {}
    condition = _condition(erasure, table)
    # Most have no base, and this check takes no lock.
    if not connection.execute(sql(_SQL.is_there_any, base=table, condition=condition).encode(), erasure.parameters).fetchall()[0][0]:
        return Done(table, remains=remains)
    # Retention and merges of users change the base.
    lock_order.lock_import_order(connection)
    lock_order.lock_writing_exclusive(connection)
    named = "file_key" if table == BASE_FILES else "project_id"
    with connection.cursor(row_factory=scalar_row) as cursor:
        delete = sql(_SQL.delete, base=table, condition=condition, named=named)
        deleted = cursor.execute(delete.encode(), erasure.parameters | {"limit": ROWS_AT_ONCE}).fetchall()
    if table == BASE_FILES:
        connection.execute(_SQL.delete_files, {"file_keys": deleted})
    # The table before this one, if there is more in this one. "-" stands before the first, whose name would mean that it is done.
    after = table if len(deleted) < ROWS_AT_ONCE else _TABLES[number - 1] if number else "-"
    return Done(after, {"dropped contributions": len(deleted)} if deleted else {}, remains)


def _count(connection: Connection[Any], erasure: Erasure) -> dict[str, int]:
    [(count,)] = connection.execute(
        sql(_COUNT, base=BASE_SESSIONS, condition=_condition(erasure, BASE_SESSIONS)).encode(), erasure.parameters
    ).fetchall()
    return {"dropped sessions": count} if count else {}


def _condition(erasure: Erasure, table: str) -> str:
    if erasure.kind == "project":
        return _OF_PROJECT
    return _OF_USERS_PROJECTS if table == BASE_FILES else _OF_USER


def _what_others_share(connection: Connection[Any], erasure: Erasure) -> dict[str, str]:
    """Before anything of the base goes: afterwards its projects are not known."""
    [(count,)] = connection.execute(_SQL.shared_files, erasure.parameters).fetchall()
    return {"dropped files": _SHARED.format(count)} if count else {}
