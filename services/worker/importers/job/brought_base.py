"""Numbers of sessions that another tracker had dropped, as an export brings them (importers/formats/exported_base.py), in the tables base_*.

A row of them has no id, so nothing tells whether its sessions are here too. A tracker takes them that had no session and no such row of what was exported
when the job began: of anybody, of the user, or of the project.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.importers.formats.exported_base import WIDE_SUMS, Name, summed
from services.worker.persist.tombstones import Kind, with_tombstones
from services.worker.sql_text import listed, sql, union_all
from shared.redaction.redacted_structs import redact_structs
from shared.sql_files import SqlFile
from shared.tables.catalogue import TABLES
from shared.tables.sums import BASE, BASE_FILES, BASE_SESSIONS

_SQL: Final = SqlFile(__package__, "brought_base.sql")

# Files have no user. Where somebody has files in the base, the other tables of it have more.
_OF_NO_USER: Final = "%(user)s::text IS NULL"
_HAS_OTHER: Final = "SELECT FROM $base AS t WHERE brought_by IS DISTINCT FROM %(job_number)s AND $of_user AND $of_paths"
_IS_LEFT: Final = "SELECT FROM $base WHERE brought_by = %(job_number)s LIMIT 1"
# Columns that are not in a row as it is, by the names that it has instead of ids.
_BY_NAME: Final = {
    "project_id": "coalesce(p.merged_into, p.id, 0)",
    "path_project_id": "CASE WHEN p.merged_into IS NOT NULL THEN p.id END",
    "user_id": "coalesce(u.alias_of, u.id, 0)",
    "brought_by": "%(job_number)s",
    "file_key": "md5(e.line->>'file_path')::uuid",
    "active_ranges": _SQL.active_ranges,
    **{name: f"coalesce(r.{name}, '-infinity')" for name in ("bucket_start", "dated_at", "last_event_at")},
}

# The most that all imports together may count of one measure. A bigint holds a thousand times that, so neither events nor imports that run at once fill
# it; a wide sum is read as a float.
_MOST_SUM: Final = 2**53
_MOST_WIDE_SUM: Final = 10**24
_TOO_LARGE: Final = (
    "The numbers of sessions that the other tracker had dropped were left out: {table}.{measure} of all imports together would be {total:,}, and may be"
    " {most:,} at most. Undo the import that brought more than can be true."
)

# By table and measure.
Sums = dict[tuple[str, str], int]


class _Names(Struct):
    """The names in a row of any table."""

    project_path: Name | UnsetType | None = UNSET
    user: Name | UnsetType | None = UNSET
    file_path: Name | UnsetType = UNSET
    tool_name: Name | UnsetType = UNSET
    error_class: Name | UnsetType = UNSET
    model: Name | UnsetType = UNSET


def may_bring(connection: Connection[Any], job_number: int, user: str | None, paths: Collection[str] | None) -> bool:
    """Whether this tracker had nothing of it when the job began, so that no dropped session of the other can be here too.

    `user`, `paths` of projects: whose numbers they are; None: everybody's.
    """
    others = union_all(
        sql(_HAS_OTHER, base=base, of_user=_OF_NO_USER if base == BASE_FILES else _SQL.of_user, of_paths=_SQL.of_paths) for base in BASE
    )
    asked = sql(_SQL.may_bring, of_user=_SQL.of_user, of_paths=_SQL.of_paths, others=others)
    parameters = {"job_number": job_number, "user": user, "paths": None if paths is None else list(paths)}
    [(may,)] = connection.execute(asked.encode(), parameters).fetchall()
    return bool(may)


def sums_of(rows: Iterable[tuple[str, Struct]]) -> Sums:
    """{(table, measure): sum of absolute values} of rows, each with its table."""
    sums: Sums = defaultdict(int)
    for table, row in rows:
        for measure in summed(table):
            sums[table, measure] += abs(int(getattr(row, measure)))
    return sums


def too_large(connection: Connection[Any], job_number: int, sums: Sums) -> str | None:
    """Says why sums are too large for a job to bring; None if they are not. Sums that other imports brought count too."""
    for table in BASE:
        measures = summed(table)
        if not measures:
            continue
        columns = ", ".join(f"coalesce(sum(abs({measure})), 0)" for measure in measures)
        # Rows of this tracker have no number.
        others = f"SELECT {columns} FROM {table} WHERE brought_by <> %(job_number)s"
        [of_others] = connection.execute(others.encode(), {"job_number": job_number}).fetchall()
        for measure, counted in zip(measures, of_others, strict=True):
            most = _MOST_WIDE_SUM if measure in WIDE_SUMS else _MOST_SUM
            if sums[table, measure] and (total := sums[table, measure] + int(counted)) > most:
                return _TOO_LARGE.format(table=table, measure=measure, total=total, most=most)
    return None


def bring_rows(connection: Connection[Any], table: str, rows: Sequence[Struct], job_number: int, redactions: dict[str, int] | None) -> None:
    """Adds rows, in the caller's transaction. `redactions`: None to redact nothing."""
    lock_order.lock_writing_shared(connection)
    values = list(_without_tombstoned(connection, [_values(row, redactions) for row in rows]))
    given = {"job_number": job_number, "rows": Jsonb(values)}
    if table == BASE_FILES:
        connection.execute(_SQL.insert_files, given)
    columns = TABLES[table].named()
    brought = sql(_SQL.bring, base=table, columns=listed(columns), values=listed(_BY_NAME.get(name, f"r.{name}") for name in columns))
    connection.execute(brought.encode(), given)


def take_back_some(connection: Connection[Any], parameters: Mapping[str, Any]) -> bool:
    """Takes back the next part of what an import brought. False if nothing was left. `parameters`: job_number, rows_limit, limit of sessions."""
    for base in BASE:
        if connection.execute(sql(_IS_LEFT, base=base).encode(), parameters).fetchone() is None:
            continue
        lock_order.lock_writing_exclusive(connection)
        limit = "%(limit)s" if base == BASE_SESSIONS else "%(rows_limit)s"
        connection.execute(sql(_SQL.take_back, base=base, limit=limit).encode(), parameters)
        return True
    return False


def _values(row: Struct, redactions: dict[str, int] | None) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    names = _Names(**{name: values[name] for name in _Names.__struct_fields__ if name in values})
    if redactions is not None:
        redact_structs([names], redactions)
    return values | {name: value for name, value in msgspec.structs.asdict(names).items() if value is not UNSET}


def _without_tombstoned(connection: Connection[Any], values: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The rows of nobody, and nowhere, that was erased here."""

    def named(row: dict[str, Any]) -> list[tuple[Kind, str]]:
        of: tuple[tuple[Kind, str], ...] = (("project", "project_path"), ("user", "user"))
        return [(kind, row[name]) for kind, name in of if row.get(name)]

    erased = with_tombstones(connection, {each for row in values for each in named(row)})
    return (row for row in values if erased.isdisjoint(named(row)))
