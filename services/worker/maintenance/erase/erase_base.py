"""Takes the sums of sessions that retention dropped out of the base and the cells (aggregates/dropped_contributions.py): all of a user or a project.

The base knows projects and users, but no sessions. So what a dropped session counted cannot be told apart when that session alone is erased. Files
know no users: those of a project go with a user if nobody else's session was dropped there. `remains` names the sums that stay.
"""

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.aggregates.dropped_contributions import SESSIONS, base_tables
from services.worker.aggregates.registry import AGGREGATES, FILE_ROLLUPS, TOOL_ROLLUPS, Aggregate
from services.worker.aggregates.rollups import rollups_that_note_emptied_cells
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.persist.persist_batch import date_projects
from services.worker.sessions.reattribution import delete_emptied_cells, rebuild_moving_days
from services.worker.sessions.tool_maxima import look_up_maxima
from services.worker.sql_text import listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erase_base.sql")

ROWS_AT_ONCE: Final = 300

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
    tables = base_tables()
    number = tables.index(step.after) + 1 if step.after in tables else 0
    if number == len(tables):
        return Done(None)
    table = tables[number]
    remains = _what_others_share(connection, erasure) if number == 0 and erasure.kind == "user" else {}
    parameters = erasure.parameters | {"limit": ROWS_AT_ONCE, "idle_gap": step.worker.idle_gap}
    condition = _condition(erasure, table)
    # Most have no base, and this check takes no lock.
    if not connection.execute(sql(_SQL.is_there_any, base=table, condition=condition).encode(), parameters).fetchall()[0][0]:
        return Done(table, remains=remains)
    lock_order.lock_import_order(connection)
    lock_order.lock_writing_exclusive(connection)
    lock_order.lock_aggregates_exclusive(connection)
    # Retention and merges of users change the base, so the rows are found under the lock.
    with connection.cursor(row_factory=scalar_row) as cursor:
        places: list[str] = cursor.execute(sql(_SQL.places, base=table, condition=condition).encode(), parameters).fetchall()
    if places and table == SESSIONS:
        projects = {project_id for (project_id,) in connection.execute(_SQL.projects, {"places": places})}
        connection.execute(_SQL.delete_sessions, parameters | {"places": places})
        rebuild_moving_days(connection, parameters)
        # The newest session of a project, without what went.
        date_projects(connection, projects)
    elif places:
        [aggregate] = [each for each in AGGREGATES.values() if each.base == table]
        _withdraw(connection, aggregate, places)
    # The table before this one, if there is more in this one. "-" stands before the first, whose name would mean that it is done.
    after = table if len(places) < ROWS_AT_ONCE else tables[number - 1] if number else "-"
    return Done(after, {"dropped contributions": len(places)} if places else {}, remains)


def _count(connection: Connection[Any], erasure: Erasure) -> dict[str, int]:
    [(count,)] = connection.execute(
        sql(_COUNT, base=SESSIONS, condition=_condition(erasure, SESSIONS)).encode(), erasure.parameters
    ).fetchall()
    return {"dropped sessions": count} if count else {}


def withdraw_base(aggregate: Aggregate) -> str:
    """Deletes some of what is in the base, and takes it out of the cells. Cells that are left empty are noted."""
    columns, rollups = listed(aggregate.base_columns), rollups_that_note_emptied_cells({f"gone_{aggregate.base}"})
    return sql(_SQL.withdraw, base=aggregate.base, columns=columns, rollups=rollups)


def _condition(erasure: Erasure, table: str) -> str:
    if erasure.kind == "project":
        return _OF_PROJECT
    return _OF_USERS_PROJECTS if table == FILE_ROLLUPS.base else _OF_USER


def _what_others_share(connection: Connection[Any], erasure: Erasure) -> dict[str, str]:
    """Before anything of the base goes: afterwards its projects are not known."""
    [(count,)] = connection.execute(_SQL.shared_files, erasure.parameters).fetchall()
    return {"dropped files": _SHARED.format(count)} if count else {}


def _withdraw(connection: Connection[Any], aggregate: Aggregate, places: list[str]) -> None:
    file_keys: list[UUID] = []
    if aggregate is TOOL_ROLLUPS:
        connection.execute(_SQL.keep_tools, {"places": places})
    if aggregate is FILE_ROLLUPS:
        file_keys = [key for (key,) in connection.execute(_SQL.files, {"places": places}).fetchall()]
    connection.execute(withdraw_base(aggregate).encode(), {"places": places})
    # Before the maxima are looked up, which writes the cells again elsewhere.
    delete_emptied_cells(connection)
    if aggregate is TOOL_ROLLUPS:
        look_up_maxima(connection)
        connection.execute("DELETE FROM moving_tools")
    if file_keys:
        connection.execute(_SQL.delete_files, {"file_keys": file_keys})
