"""The rows of an export, table by table, each as a line of JSON. All statements run in one transaction that sees one snapshot."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg import Connection

from services.worker.importers.formats.export_manifest import Selection, exported_columns, row_tables_in_order
from services.worker.importers.formats.exported_base import VECTORS, WIDE_SUMS
from services.worker.sql_text import listed, sql
from shared.sql_files import SqlFile
from shared.tables.catalogue import TABLES
from shared.tables.sums import BASE, BASE_FILES, BASE_SESSIONS

_SQL: Final = SqlFile(__package__, "export_rows.sql")

# How many rows are fetched at once.
_FETCH_ROWS: Final = 500

_TOTALS: Final = """
    SELECT jsonb_build_object('sessions', count(*), 'user_messages', coalesce(sum(user_messages), 0),
        'assistant_messages', coalesce(sum(assistant_messages), 0), 'tool_calls', coalesce(sum(tool_calls), 0),
        'input_tokens', coalesce(sum(input_tokens), 0), 'output_tokens', coalesce(sum(output_tokens), 0),
        'cost_nano_usd', coalesce(sum(cost_nano_usd), 0), 'active_us', coalesce(sum(active_us), 0))
    FROM sessions WHERE session_id IN (SELECT session_id FROM chosen)"""


_OF_BASE: Final = sql(_SQL.of_base, own=_SQL.own)
_OF_BASE_FILES: Final = sql(_SQL.of_base_files, own=_SQL.own)
_OF_TOMBSTONES: Final = sql(_SQL.of_tombstones, own=_SQL.own)
_SHARES_FILES: Final = sql(_SQL.shares_files, own=_SQL.own)

_USER: Final = 'u.name AS "user"'
_TIME: Final = "nullif(t.$name, '-infinity') AS $name"
_USERS: Final = "LEFT JOIN users AS u ON u.id = t.user_id"
_FILES: Final = "JOIN files AS f USING (file_key)"
# The columns of acts that JSON has otherwise.
_WRITTEN: Final = {"occurred_at": sql(_TIME, name="occurred_at"), "active_ranges": _SQL.ranges}
# Those of the base that it has otherwise. Numbers wider than a bigint are strings.
_WRITTEN_OF_BASE: Final = {
    "user_id": _USER,
    "file_key": "f.file_path",
    "active_ranges": _SQL.ranges,
    **{name: sql(_TIME, name=name) for name in ("bucket_start", "last_used_at", "dated_at", "last_event_at")},
    **{name: f"t.{name}::text" for name in WIDE_SUMS | VECTORS},
}

# Data that no export, or no selection, can tell apart. Counts are left out: a person with a right to their own export learns nothing of others.
_NAMES: Final = "People and projects that were erased. A hash of a name may be found by a list of names, so it stays: if they come elsewhere, erase them there."
_OF_NOBODY: Final = "Sessions that came after their person or project was erased: nothing says whose they were. An export of everything keeps them out elsewhere."
_FILES_OF_OTHERS: Final = "Files in projects where sessions of others were dropped too: which of them were the user's is not known. All else of the numbers is here."


class Chosen(Struct, frozen=True):
    """How much is selected; bytes are estimated."""

    sessions: int
    bytes: int


def choose(connection: Connection[Any], selection: Selection) -> Chosen:
    """Notes the chosen sessions for the rest of the transaction."""
    connection.execute(_SQL.choose, msgspec.structs.asdict(selection))
    connection.execute("ANALYZE chosen")
    [(sessions, size)] = connection.execute(_SQL.sizes).fetchall()
    return Chosen(sessions, int(size))


def totals(connection: Connection[Any]) -> dict[str, int]:
    """Sums over the chosen sessions."""
    [(found,)] = connection.execute(_TOTALS).fetchall()
    return dict(found)


def not_told_apart(connection: Connection[Any], selection: Selection) -> dict[str, str]:
    """Data that may concern the selection, and is not among its rows: {name: reason}."""
    found = {"names": _NAMES}
    if not selection.is_everything:
        found["tombstones"] = _OF_NOBODY
    [(shares_files,)] = connection.execute(_SHARES_FILES.encode(), msgspec.structs.asdict(selection)).fetchall()
    if shares_files:
        found["base_file_rollups"] = _FILES_OF_OTHERS
    return found


def rows_statement(table: str, selection: Selection) -> bytes:
    """A table's rows as JSON, one in each row."""
    assert table in row_tables_in_order()
    rows = sql(
        _base(table) if table in BASE else _SQL[table] if table in _SQL else _beside_session(table),
        everything="true" if selection.is_everything else "false",
        of_chosen=_SQL.of_chosen,
        of_none=_SQL.of_none,
        of_base=_OF_BASE,
        of_tombstones=_OF_TOMBSTONES,
        columns=listed(_WRITTEN.get(name, f"t.{name}") for name in exported_columns(table)),
        from_wire="coalesce(0 >= ANY(t.brought_by), true)",
    )
    return f"SELECT row_to_json(r)::text FROM ({rows}) AS r".encode()


def _beside_session(table: str) -> str:
    columns = [f"t.{name}" for name in exported_columns(table)]
    return f"SELECT {listed(columns)} FROM {table} AS t WHERE $of_chosen ORDER BY {listed(columns[:2])}"


def _base(table: str) -> str:
    """A SELECT of a table of the base."""
    columns = [name for name in TABLES[table].named() if name in {*exported_columns(table), *_WRITTEN_OF_BASE}]
    return sql(
        _SQL.base,
        base=table,
        columns=listed(_WRITTEN_OF_BASE.get(name, f"t.{name}") for name in columns),
        joins=_FILES if table == BASE_FILES else _USERS,
        bucket="dated_at" if table == BASE_SESSIONS else "bucket_start",
        of_base=_OF_BASE_FILES if table == BASE_FILES else _OF_BASE,
    )


def rows_of(connection: Connection[Any], table: str, selection: Selection) -> Iterator[bytes]:
    """Each row of a table as one line of JSON, without its end."""
    with connection.cursor(f"export_{table}") as cursor:
        cursor.itersize = _FETCH_ROWS
        cursor.execute(rows_statement(table, selection), msgspec.structs.asdict(selection))
        for (row,) in cursor:
            line = row.encode("utf-8", "surrogatepass")
            # JSON that a client sent keeps its own line ends, outside of strings.
            yield msgspec.json.encode(msgspec.json.decode(line)) if b"\n" in line or b"\r" in line else line
