"""Records as rows of the staging tables: of each table, which columns its rows have, and how they are made of a record.

A record's field that is a column of its table in the catalogue (shared/tables) is staged as it is. So a new column of an act is told in the
catalogue and in its record, and not here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from services.worker.persist.derived_values.pricing import Tokens, price_of
from services.worker.persist.records import (
    SESSION_NUMBERS,
    ApiCall,
    FileChange,
    Message,
    Record,
    SessionBoundary,
    SessionFacts,
    TimelineEntry,
    ToolUse,
)
from services.worker.persist.staging.event_kind_rows import file_key
from shared.events.event_kinds import KINDS
from shared.events.messages import Event
from shared.tables.catalogue import TABLES
from shared.tables.table import Holds

Row = tuple[Any, ...]

_UNDATED: Final = "-infinity"
_COLUMNS: Final = {"timestamp": "occurred_at", "user": "user_name"}
# Columns of staging tables alone: the row itself refers to them by an id.
_REFERENCES: Final = ("user_name", "project_path", "file_path")
_json = msgspec.json.Encoder()


@dataclass(eq=False, slots=True)
class StagedTable:
    """A table of rows that records become. `made`: its columns that are made of several fields, or that differ from their field, by `make`."""

    name: str
    record: type[Record | Event]
    made: tuple[str, ...] = ()
    make: Callable[[Any], Row] = lambda _record: ()
    # The fields that are columns as they are; those that are columns of JSON.
    plain: tuple[str, ...] = field(init=False)
    json: tuple[str, ...] = field(init=False)
    get: Callable[[Any], Row] = field(init=False)

    def __post_init__(self) -> None:
        """Finds the record's fields in the catalogue."""
        columns = {*TABLES[self.name].named(), *_REFERENCES} - set(self.made)
        fields = [name for name in self.record.__struct_fields__ if _COLUMNS.get(name, name) in columns]
        self.json = tuple(name for name in fields if name in TABLES[self.name].named(Holds.JSON))
        self.plain = tuple(name for name in fields if name not in self.json)
        self.get = attrgetter(*self.plain)

    @property
    def columns(self) -> tuple[str, ...]:
        """In the order of a row."""
        return (*(_COLUMNS.get(name, name) for name in self.plain), *self.json, *self.made, "received_at")

    @property
    def selected(self) -> str:
        """The columns, with the types that they have in the table."""
        return ", ".join(f"NULL::text AS {name}" if name in _REFERENCES else name for name in self.columns)

    def row(self, record: Record | Event, received_at: datetime) -> Row:
        """In the order of `columns`."""
        return (*self.get(record), *[as_json(getattr(record, name)) for name in self.json], *self.make(record), received_at)


def as_json(value: Any) -> str | None:
    """A text that Postgres takes; None for what is not known."""
    return None if value is None else _json.encode(value).decode()


def _result(record: ToolUse) -> Row:
    if (result := record.result) is None:
        return (None,) * 4
    return result.text, result.left_out or None, result.cut_at, as_json(result.media or None)


def _price(record: ApiCall) -> Row:
    if (stored := record.price) is not None:
        return stored.cost, stored.uncached, stored.cache_saved, stored.cache_write, stored.version
    tokens = Tokens(
        input=record.input_tokens,
        output=record.output_tokens,
        cache_write_5m=record.cache_write_5m_tokens,
        cache_write_1h=record.cache_write_1h_tokens,
        cache_read=record.cache_read_tokens,
        web_searches=record.web_searches,
    )
    return price_of(record.model, record.timestamp, tokens, is_fast=record.is_fast, geo=record.inference_geo).columns()


def _facts(record: SessionFacts) -> Row:
    """A transcript's records and hooks are seen, as events are; claude.json only says when a session ended. A hook that ends it says so too."""
    is_said = record.source == "claude.json"
    seen = (None, None) if is_said else (record.started_at, record.ended_at)
    ranges = "{" + ",".join(f'["{start.isoformat()}","{end.isoformat()}")' for start, end in record.active_ranges) + "}"
    numbers = {name: value for name in SESSION_NUMBERS if (value := getattr(record, name)) is not None}
    if (client := record.client_costs) is not None:
        # The session's greatest counts, as of all numbers.
        numbers["client_cost_nano_usd"] = client.cost_nano_usd
        if client.started_ms is not None:
            numbers["client_started_ms"] = client.started_ms
    return *seen, ranges, record.ended_at if is_said or record.end_reason is not None else None, as_json(numbers or None)


_PRICE: Final = ("cost_nano_usd", "uncached_nano_usd", "cache_saved_nano_usd", "cache_write_nano_usd", "price_version")
_FACTS: Final = ("first_record_at", "last_record_at", "active_ranges", "ended_at", "numbers")
_OF_RECORDS: Final = (
    StagedTable("messages", Message, ("occurred_at",), lambda record: (record.timestamp or _UNDATED,)),
    StagedTable("tool_calls", ToolUse, ("result", "result_left_out", "result_cut_at", "result_media"), _result),
    StagedTable("session_events", SessionBoundary),
    StagedTable(
        "activities", FileChange, ("file_key", "patch_left_out"), lambda record: (file_key(record.file_path), record.patch_left_out or None)
    ),
    StagedTable("api_calls", ApiCall, _PRICE, _price),
    StagedTable("timeline_entries", TimelineEntry),
    StagedTable("session_facts", SessionFacts, _FACTS, _facts),
)
_NAMES: Final = {table.name for table in _OF_RECORDS}
# An event of which no importer has records is its own.
_OF_EVENTS: Final = (StagedTable(kind.table, kind.struct) for kind in KINDS.values() if kind.table not in _NAMES)
STAGED: Final[dict[type, StagedTable]] = {table.record: table for table in (*_OF_RECORDS, *_OF_EVENTS)}
