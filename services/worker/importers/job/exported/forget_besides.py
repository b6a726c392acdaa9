"""The undo of what an export brought besides records. A row that another import brought too is left to that one; one that somebody has changed here since
is theirs, and has no number of an import any more.

Projects that became parts of others by the import, or by a rule or a place that goes with it, are taken out again.
"""

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row, scalar_row
from psycopg.types.json import Jsonb

from services.worker.importers.formats.exported_besides import besides
from services.worker.sql_text import sql
from shared.projects import merging
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "forget_besides.sql")

_RULES: Final = "DELETE FROM project_rules WHERE brought_by = ARRAY[%(job_number)s]::integer[] RETURNING pattern, project_id"
_FORGET: Final = "DELETE FROM $table WHERE brought_by = ARRAY[%(job_number)s]::integer[]"
_LEAVE_TO_OTHERS: Final = (
    "UPDATE $table SET brought_by = array_remove(brought_by, %(job_number)s::integer) WHERE %(job_number)s = ANY(brought_by)"
)


def forget_besides(connection: Connection[Any], job_number: int) -> None:
    """Takes back what only this import brought, in the caller's transaction. Sessions of projects that are taken out are moved later, as of any."""
    parameters = {"job_number": job_number}
    connection.execute(merging.LOCK)
    with connection.cursor(row_factory=dict_row) as cursor:
        rules = cursor.execute(_RULES, parameters).fetchall()
    with connection.cursor(row_factory=scalar_row) as cursor:
        parts = set(cursor.execute(_SQL.places, parameters))
        parts.update(cursor.execute(_SQL.merges, parameters))
        for rule in rules:
            parts.update(cursor.execute(merging.MERGES_OF_RULE, rule))
    for project_id in sorted(parts):
        _take_out(connection, project_id, job_number)
    connection.execute(_SQL.aliases, parameters)
    # Projects keep their ids (undo.py).
    for table in sorted(besides() - {"projects"}):
        connection.execute(sql(_FORGET, table=table).encode(), parameters)
        connection.execute(sql(_LEAVE_TO_OTHERS, table=table).encode(), parameters)


def _take_out(connection: Connection[Any], project_id: int, job_number: int) -> None:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(merging.LOCK_ROWS, {"project_id": project_id, "other_id": None}).fetchall()
        row = next(row for row in rows if row["id"] == project_id)
        before = merging.columns_of(row)
        after = before | merging.NOT_MERGED
        cursor.execute(merging.CHANGE, after | {"project_id": project_id})
        cursor.execute(merging.RESOLVE, {"project_id": project_id, "before": row["merged_into"]})
        changed_before, changed_after = merging.differences(before, after)
        noted = {"project_id": project_id, "who": f"import:{job_number}", "before": Jsonb(changed_before), "after": Jsonb(changed_after)}
        cursor.execute(merging.NOTE, noted)
