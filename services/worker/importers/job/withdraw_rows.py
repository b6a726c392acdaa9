"""Deletes some rows and facts of sessions, and takes what they count for out of their sessions.

It reads the deleted rows and their neighbours in time, not all rows of their sessions. Totals become less by those of the deleted rows; active time is
made again where no other fact of a file covers it.
"""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.row_tables import ROW_TABLES, composed
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sessions.session_totals import CHANGED, FROM_SNAPSHOT, SUMMED
from services.worker.sql_text import ctes, listed, sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "withdraw_rows.sql")

_DELETE_FACTS: Final = "DELETE FROM session_facts WHERE id = ANY(%(fact_ids)s::uuid[]) RETURNING session_id, active_ranges::text AS ranges"

_HAS_ROWS: Final = "EXISTS (SELECT FROM $table AS e WHERE e.session_id = s.session_id)"

_COUNTED: Final = tuple(table for table in ROW_TABLES.values() if table.counts)


@composed
def delete_rows() -> str:
    """Deletes the rows, and gives what they added to their sessions: the time that they cover, their files, and sums."""
    gone = (sql(_SQL.gone_rows, table=table.name, columns=listed(table.columns)) for table in ROW_TABLES.values())
    rows = []
    for table in _COUNTED:
        covered = "CASE WHEN isfinite(occurred_at) THEN tstzmultirange(tstzrange(occurred_at, occurred_at + %(idle_gap)s)) END"
        measures = [f"{table.measures.get(name, '0')} AS {name}" for name in SUMMED]
        key = "file_key" if "file_key" in table.fixed else "NULL::uuid AS file_key"
        rows.append(sql(_SQL.of_table, table=table.name, ranges=covered, measures=listed([*measures, key])))
    return sql(_SQL.delete, gone=ctes(*gone), rows=union_all(rows), sums=listed(f"sum({name})::bigint AS {name}" for name in SUMMED))


@composed
def shrink_sessions() -> str:
    """Takes what is in `gone` out of the sessions of session_ids, whose rows and facts are deleted already."""
    sums = []
    for name in SUMMED:
        own = f"CASE WHEN s.{FROM_SNAPSHOT[name]} THEN 0 ELSE coalesce(s.{name}, 0) END" if name in FROM_SNAPSHOT else f"s.{name}"
        sums.append(f"{own} - coalesce(g.{name}, 0) AS {name}")
    sums[SUMMED.index("files_modified")] = "(SELECT count(*) FROM session_files AS f WHERE f.session_id = s.session_id) AS files_modified"
    return sql(
        _SQL.shrink,
        gone_sums=listed(f"sum({name})::bigint AS {name}" for name in SUMMED),
        columns=listed(f"{name} bigint" for name in SUMMED),
        around=union_all([*(sql(_SQL.around, table=table.name) for table in _COUNTED), sql(_SQL.around, table="session_events")]),
        has_rows=" OR ".join(sql(_HAS_ROWS, table=table.name) for table in _COUNTED),
        sums=listed(sums),
        times=union_all([*(sql(_SQL.times_of_table, table=table.name) for table in _COUNTED), _SQL.times_of_events]),
        changed=sql(CHANGED),
    )


def withdraw_rows(
    connection: Connection[Any],
    *,
    session_ids: Collection[str],
    row_ids: Collection[UUID],
    fact_ids: Collection[UUID] = (),
    idle_gap: timedelta,
    is_of_wire_too: bool = False,
) -> None:
    """In the caller's transaction, which has writing exclusively. `session_ids`: of the rows and facts.

    `is_of_wire_too`: also rows that came over the wire.
    """
    parameters: dict[str, Any] = {
        "session_ids": sorted(session_ids),
        "row_ids": list(row_ids),
        "fact_ids": list(fact_ids),
        "idle_gap": idle_gap,
        "is_of_wire_too": is_of_wire_too,
    }
    connection.execute(LOCK_SESSIONS, parameters)
    with connection.cursor(row_factory=dict_row) as cursor:
        gone: list[dict[str, Any]] = cursor.execute(_DELETE_FACTS, parameters).fetchall()
        rows = cursor.execute(delete_rows(), parameters).fetchall()
        parameters["file_keys"] = sorted({key for row in rows for key in row.pop("file_keys") or []})
        for statement in (_SQL.delete_session_files, _SQL.delete_files):
            cursor.execute(statement, parameters)
        cursor.execute(shrink_sessions(), parameters | {"gone": Jsonb(gone + rows)})
    update_session_rows(connection, session_ids)
