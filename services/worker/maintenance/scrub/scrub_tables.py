"""The tables that a scrub goes over, with their columns of texts, as shared/tables says what each column holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.worker.maintenance.scrub.scrub_names import NAMES
from services.worker.sql_text import sql
from shared.tables.catalogue import TABLES
from shared.tables.table import Column, Holds, Table

# Names of tools and models have a stage of their own. The keys of tags are made of the tags, and ranges of transcripts go with their files.
ELSEWHERE: Final = frozenset(
    {(table, name.column) for name in NAMES for table in name.sums} | {("tool_calls", "tool_name"), ("api_calls", "model")}
) | {("session_marks", "tag_keys"), ("transcript_ranges", "content"), ("transcript_ranges", "request_id")}
# Columns that need more than their type does.
_KINDS: Final = {("transcript_files", "file_name"): "file_name", ("import_jobs", "files"): "uploads"}

# {(table, column): SQL of a {value} over another row o, which has that value then}: values that must differ. One that is taken gets the row's key.
TAKEN: Final = {
    ("projects", "path"): "o.path_key = md5({value})::uuid",
    ("project_places", "path"): "(o.told_by, o.path_key) = (project_places.told_by, md5({value})::uuid)",
    ("project_rules", "pattern"): "o.pattern = {value}",
    ("users", "name"): "o.name = {value}",
    ("saved_views", "name"): "lower(o.name) = lower({value})",
    ("unread_formats", "name"): "(o.version, o.kind, o.name) = (unread_formats.version, unread_formats.kind, {value})",
    ("prices", "model"): "o.model = {value}",
    ("transcript_files", "file_name"): """(o.session_id, o.file_name, o.machine_id, o.generation)
            = (transcript_files.session_id, {value}, transcript_files.machine_id, transcript_files.generation)""",
}
_DISTINCT: Final = """CASE WHEN EXISTS (
        SELECT FROM $table AS o WHERE $taken AND o.id <> $table.id
    ) THEN $other ELSE {value} END"""
_OTHER: Final = "{value} || ' ' || $table.id"
_OTHERS: Final = {"file_name": "regexp_replace({value}, '(\\.jsonl)?\\Z', '-' || $table.id || '\\1')"}


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table with its key and the columns, by kind (scrub_columns.py), that hold text.

    `cut_at`: {column of a text: that of the place where its middle is left out}. The keys of `tags` are in the column `tag_keys`. `distinct` has, for
    a column whose values must differ, SQL of a {value}: the value, or another one if another row has it.
    """

    table: str
    key: str
    columns: Mapping[str, str]
    cut_at: Mapping[str, str]
    tags: str | None
    distinct: Mapping[str, str]


def text_tables() -> list[TextTable]:
    """Those that have texts, in the order of the catalogue."""
    return [found for table in TABLES.values() if (found := _text_table(table)).columns]


def _text_table(table: Table) -> TextTable:
    names = table.named()
    columns = {
        column.name: kind
        for column in table.columns
        if (kind := _kind(table.name, column)) is not None and (table.name, column.name) not in ELSEWHERE
    }
    return TextTable(
        table.name,
        "id" if "id" in names else names[0],
        columns,
        cut_at={name: f"{name}_cut_at" for name in columns if f"{name}_cut_at" in names},
        tags="tags" if "tag_keys" in names else None,
        distinct={name: _distinct(table.name, name, kind) for name, kind in columns.items() if (table.name, name) in TAKEN},
    )


def _kind(table: str, column: Column) -> str | None:
    match column.holds:
        case Holds.NAME | Holds.USER_NAME | Holds.TEXT:
            return _KINDS.get((table, column.name), "text[]" if column.is_array else "text")
        case Holds.JSON:
            return _KINDS.get((table, column.name), "json")
        case Holds.BYTES:
            return "bytea"
        case _:
            return None


def _distinct(table: str, column: str, kind: str) -> str:
    return sql(_DISTINCT, table=table, taken=TAKEN[table, column], other=sql(_OTHERS.get(kind, _OTHER), table=table))
