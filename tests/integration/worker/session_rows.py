"""A row of a session in each table that has the id of one, by the catalog: a new table gets one by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from psycopg import Connection, sql
from psycopg.types.json import Jsonb

OLD: Final = datetime.now(UTC) - timedelta(days=40)
# A value of a column's type, for a column that must have something.
_SAMPLES: Final[dict[str, Any]] = {
    "text": "x",
    "bool": False,
    "timestamptz": OLD,
    "jsonb": Jsonb({}),
    "int8": 7,
    "numeric": 7,
    "int4": 7,
    "int2": 7,
    "_uuid": [],
}
# Where the samples are not allowed.
_GIVEN: Final[dict[str, dict[str, Any]]] = {
    "session_events": {"kind": "end"},
    "signals": {"kind": "event"},
    "hook_payloads": {"payload": "{}"},
}
# Columns that retention counts from.
_TIMES: Final = ("at", "heard_at", "read_at", "received_at", "changed_at", "occurred_at")

_TABLES: Final = """SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name = %s ORDER BY 1"""
_COLUMNS: Final = """SELECT column_name, udt_name, is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO' FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'"""


def tables_with(connection: Connection[Any], column: str) -> list[str]:
    """The tables that have a column of this name."""
    return [table for (table,) in connection.execute(_TABLES, (column,)).fetchall()]


def add_row(connection: Connection[Any], table: str, session_id: str | None = None, at: datetime = OLD, **more: Any) -> None:
    """Adds a row with what it must have, and its times."""
    values: dict[str, Any] = ({} if session_id is None else {"session_id": session_id}) | _GIVEN.get(table, {}) | more
    for name, kind, is_needed in connection.execute(_COLUMNS, (table,)).fetchall():
        if name in _TIMES:
            values.setdefault(name, at)
        elif is_needed:
            values.setdefault(name, uuid4() if kind == "uuid" else _SAMPLES[kind])
    columns = sql.SQL(", ").join(map(sql.Identifier, values))
    places = sql.SQL(", ").join(map(sql.Placeholder, values))
    connection.execute(sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), columns, places), values)


def tables_of(connection: Connection[Any], session_id: str) -> set[str]:
    """The tables that have a row of the session."""
    count = sql.SQL("SELECT FROM {} WHERE session_id = %s LIMIT 1")
    return {
        table
        for table in tables_with(connection, "session_id")
        if connection.execute(count.format(sql.Identifier(table)), (session_id,)).fetchone() is not None
    }
