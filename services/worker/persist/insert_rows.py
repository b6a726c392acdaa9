"""The INSERT of each table of counted rows, as common table expressions of the statement `persist`.

`new_$table` has the rows that count in their sessions from now on, and `gone_$table` what the same rows counted before. A row whose version did not
change that is in neither. A row's session and time are the same in both.

A row that came over the wire is the client's word and stays as it is. Versions from files are compared by their ranks, and the best one replaces
the row whole. So the order in which versions arrive does not matter. A reparse lists in `renewed_ids` the rows that today's reader is to
decide: there the new version replaces the row whenever it differs.
"""

from typing import Final

from services.worker.row_tables import ROW_TABLES, RowTable
from services.worker.sql_text import ctes, listed, sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "insert_rows.sql")


def insert_ctes() -> str:
    """Inserts the staged rows of all tables."""
    return ctes(*map(_insert, ROW_TABLES.values()), sql(_SQL.of_sessions))


def _insert(table: RowTable) -> str:
    versioned = (*table.counted, *table.uncounted)
    is_better = sql(
        _SQL.is_better,
        new_ranks=listed(rank.format(row="excluded") for rank in table.all_ranks),
        old_ranks=listed(rank.format(row="t") for rank in table.all_ranks),
        new_content=listed(f"excluded.{name}" for name in versioned),
        old_content=listed(f"t.{name}" for name in versioned),
    )
    fixed = ("id", "session_id", "project_id", "user_id", "occurred_at", *table.fixed)
    values = {
        "project_id": f"coalesce(sessions.project_id, {'projects.merged_into, projects.id, ' * table.has_project_path}0)",
        "path_project_id": "CASE WHEN sessions.session_id IS NULL AND projects.merged_into IS NOT NULL THEN projects.id END",
        "user_id": f"coalesce(sessions.user_id, {'users.alias_of, users.id, ' * table.has_user_name}0)",
        "brought_by": "CASE WHEN %(bringer)s <> 0 THEN ARRAY[%(bringer)s]::integer[] END",
    }
    by_path = ("path_project_id",) if table.has_project_path else ()
    columns = tuple(dict.fromkeys((*fixed, *versioned, "source", "brought_by", "received_at", *by_path)))
    is_moved = "\nOR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in table.counted)
    inserted = sql(
        _SQL.insert,
        table=table.name,
        columns=listed(columns),
        values=listed(values.get(name, f"s.{name}") for name in columns),
        project_join="LEFT JOIN projects ON projects.path_key = md5(s.project_path)::uuid" * table.has_project_path,
        user_join="LEFT JOIN users ON users.name = s.user_name" * table.has_user_name,
        where=f"WHERE NOT ({table.unless})" if table.unless else "",
        best_first=",\n".join(f"CASE WHEN %(job_number)s > 0 THEN {rank.format(row='s')} END DESC" for rank in table.all_ranks),
        versioned=listed(versioned),
        new_version=listed(f"excluded.{name}" for name in versioned),
        old_version=listed(f"t.{name}" for name in versioned),
        is_better=is_better,
        returned=listed(f"old.{name} AS old_{name}, new.{name}" if name in table.counted else f"new.{name}" for name in table.columns),
        is_moved=is_moved or "false",
        counted=listed(table.columns),
    )
    if not table.counted:
        return inserted
    before = [f"old_{name} AS {name}" if name in table.counted else name for name in table.columns]
    return ctes(inserted, sql(_SQL.gone, table=table.name, counted_before=listed(before)))
