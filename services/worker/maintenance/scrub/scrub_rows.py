"""One chunk of a table's rows, by today's rules of redaction."""

from collections import Counter
from typing import Any, Final

from psycopg.rows import dict_row

from services.worker.maintenance.scrub.scrub_columns import KINDS, scrubbed_parts
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.scrub.scrub_tables import TextTable
from services.worker.maintenance.staged_job import Done
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.sessions.session_titles import update_titles
from services.worker.sql_text import sql
from shared.sessions.session_tags import tag_key
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "scrub_rows.sql")

CHUNK_ROWS = 500
CHUNK_BYTES = 8_000_000

# How what was read of a kind is compared; all else is a text.
_AS_TEXT: Final = {"text[]": "text[]::text", "bytea": "bytea::text"}


def scrub_rows(table: TextTable, step: Step) -> Done:
    """Scrubs the next rows, in the step's transaction."""
    redactions: Counter[str] = Counter()
    with step.connection.cursor(row_factory=dict_row) as cursor:
        chunk = {"after_key": step.after, "chunk_rows": CHUNK_ROWS, "chunk_bytes": CHUNK_BYTES}
        rows = cursor.execute(select_chunk(table, is_first=step.after is None).encode(), chunk).fetchall()
    changed = [change for row in rows if (change := _change(table, row, redactions))]
    if changed and not step.is_dry_run:
        with step.connection.cursor() as cursor:
            cursor.executemany(update_row(table).encode(), changed)
    if table.table == "sessions" and not step.is_dry_run:
        # Titles are made again from rows that are scrubbed by now: a title may have been cut within a secret.
        parameters = {"session_ids": [row["key"] for row in rows]}
        step.connection.execute(LOCK_SESSIONS, parameters)
        update_titles(step.connection, parameters["session_ids"])
    return step.scrubbed(rows[-1]["key"] if rows else None, len(rows), len(changed), redactions)


def _change(table: TextTable, row: dict[str, Any], redactions: Counter[str]) -> dict[str, Any] | None:
    """The parameters of a row's UPDATE, with the old and new values of the columns; None if nothing changes."""
    values = {name: row[name] if row[name] is None else KINDS[kind](row[name], redactions) for name, kind in table.columns.items()}
    places = {place: row[place] for place in table.cut_at.values()}
    for name, place in table.cut_at.items():
        if row[place] is not None:
            values[name], places[place] = scrubbed_parts(row[name], row[place], redactions)
    if all(values[name] is row[name] for name in table.columns):
        return None
    change = {"key": row["key"]} | values | places | {f"old_{name}": row[name] for name in table.columns}
    if table.tags is not None:
        change["tag_keys"] = [tag_key(tag) for tag in values[table.tags]]
    return change


def select_chunk(table: TextTable, *, is_first: bool) -> str:
    """Selects the rows after %(after_key)s."""
    return sql(
        _SQL.select_chunk,
        table=table.table,
        key=table.key,
        columns=", ".join(f"{name}::text AS {name}" if kind in ("json", "uploads") else name for name, kind in table.columns.items())
        + "".join(f", {place}" for place in table.cut_at.values()),
        size="\n    + ".join(
            f"coalesce(octet_length({f'{name}::text' if kind == 'text[]' else name}), 0)" for name, kind in table.columns.items()
        ),
        after="" if is_first else f"WHERE {table.key} > %(after_key)s",
    )


def update_row(table: TextTable) -> str:
    """Replaces the texts of the row %(key)s, unless they have changed since they were read."""
    scrubbed = [f"{name} = {_value(table, name)}" for name in table.columns]
    scrubbed += [f"{place} = %({place})s" for place in table.cut_at.values()]
    if table.tags is not None:
        scrubbed.append("tag_keys = %(tag_keys)s::text[]")
    is_unchanged = "\nAND ".join(
        f"{name}::text IS NOT DISTINCT FROM %(old_{name})s::{_AS_TEXT.get(kind, 'text')}" for name, kind in table.columns.items()
    )
    return sql(_SQL.update_row, table=table.table, key=table.key, scrubbed=",\n".join(scrubbed), is_unchanged=is_unchanged)


def _value(table: TextTable, name: str) -> str:
    return table.distinct[name].format(value=f"%({name})s::text") if name in table.distinct else f"%({name})s"
