"""A line of an export's rows as a record, with the id, the price and the source that the row had. docs/reference/export-format.md lists the fields.

Any program may have written a line. One that is no row of its table is an error; a value that cannot be true is treated as one of a transcript
(plausible_records.py). The fields of a row are those of its record that are columns; only what a record has otherwise is told here.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import NoneType
from typing import IO, Annotated, Any, ClassVar, Final, NamedTuple, get_args
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.worker.importers.formats.export_manifest import exported_columns
from services.worker.importers.formats.json_lines import read_lines
from services.worker.importers.formats.plausible_records import plausible
from services.worker.importers.formats.sanitize import clean_json
from services.worker.persist.records import SESSION_NUMBERS, Media, Record, RecordError, Result, StoredPrice, Time
from services.worker.persist.staging.stage_records import STAGED, StagedTable
from shared.events.messages import EARLIEST, LATEST, Count
from shared.tables.catalogue import TABLES
from shared.tables.table import EXPORTED

INVALID_ROW: Final = "INVALID_ROW"

_Price = Annotated[int, Meta(ge=0, le=2**62)]
_COLUMNS: Final = {"timestamp": "occurred_at"}
# Rows name what they refer to by an id.
_REFERENCES: Final = ("project_path", "user", "file_path")


class ExportedRecord(NamedTuple):
    """`from_wire`: a client sent it to the other tracker, so that no file overrules it. `line` counts from 1."""

    line: int
    record: Record
    received_at: datetime
    from_wire: bool


class _Row(Struct, kw_only=True):
    """The columns of every table. A table whose record has some columns in another form has a row of its own."""

    # The record is asked whether these are believed.
    ASKED_LATER: ClassVar = ("occurred_at", "first_record_at", "last_record_at", "ended_at")

    id: UUID
    received_at: Time
    from_wire: bool = False

    def __post_init__(self) -> None:
        """ValueError for a time that no tracker stores."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, datetime) and name not in self.ASKED_LATER and not EARLIEST <= value <= LATEST:
                raise ValueError(f"{name} is not between {EARLIEST:%Y} and {LATEST:%Y}")

    def made(self) -> dict[str, Any]:
        """The fields of the record that are no columns."""
        return {}


class _Facts(_Row, kw_only=True):
    first_record_at: Time | None = None
    last_record_at: Time | None = None
    ended_at: Time | None = None
    numbers: dict[str, _Price] | None = None
    source: str

    def made(self) -> dict[str, Any]:
        """claude.json says only when a session ended; what other files say of it was seen."""
        is_said = self.source == "claude.json"
        times = {
            "started_at": None if is_said else self.first_record_at,
            "ended_at": self.ended_at if is_said else self.last_record_at,
        }
        return times | {name: value for name, value in (self.numbers or {}).items() if name in SESSION_NUMBERS}


class _ToolCall(_Row, kw_only=True):
    # Any JSON that a client sent.
    parameters: Any = None
    result: str | None = None
    result_left_out: Count | None = None
    result_cut_at: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    result_media: list[Media] | None = None

    def made(self) -> dict[str, Any]:
        """Its result with what is left out of it."""
        if self.result is None:
            return {}
        return {
            "result": Result(text=self.result, left_out=self.result_left_out or 0, cut_at=self.result_cut_at, media=self.result_media or [])
        }


class _ApiCall(_Row, kw_only=True):
    cost_nano_usd: _Price | None = None
    uncached_nano_usd: _Price | None = None
    cache_saved_nano_usd: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None
    cache_write_nano_usd: _Price | None = None
    price_version: str | None = None

    def made(self) -> dict[str, Any]:
        """The price that it had."""
        stored = (self.cost_nano_usd, self.uncached_nano_usd, self.cache_saved_nano_usd, self.cache_write_nano_usd, self.price_version)
        return {"price": StoredPrice(*stored)}


_OTHERWISE: Final[Mapping[str, type[_Row]]] = {"session_facts": _Facts, "tool_calls": _ToolCall, "api_calls": _ApiCall}


def _type_of_rows(table: StagedTable) -> type[Struct]:
    """Its record's fields that are columns. A column may be null if the record has a default, or None among its values."""
    base = _OTHERWISE.get(table.name, _Row)
    columns = {*exported_columns(table.name), *_REFERENCES} - set(base.__struct_fields__)
    fields: list[Any] = []
    for field in msgspec.structs.fields(table.record):
        name = _COLUMNS.get(field.name, field.name)
        if name in columns:
            is_optional = not field.required or NoneType in get_args(field.type)
            fields.append((name, field.type | None, None) if is_optional else (name, field.type))
    return msgspec.defstruct(table.name, fields, bases=(base,), kw_only=True)


# The tables whose rows become records; the others are stored by themselves.
_EXPORTED: Final = [table for table in STAGED.values() if TABLES[table.name].export == EXPORTED]
_ROWS: Final = {table.name: _type_of_rows(table) for table in _EXPORTED}
_RECORDS: Final = {table.name: table.record for table in _EXPORTED}
_REQUIRED: Final = {name: [each.name for each in msgspec.structs.fields(record) if each.required] for name, record in _RECORDS.items()}
RECORD_TABLES: Final = frozenset(_ROWS)


def _record(table: str, row: _Row) -> Any:
    """A record's field has its default where its column is null."""
    record = _RECORDS[table]
    values: dict[str, Any] = dict.fromkeys(_REQUIRED[table])
    for name in record.__struct_fields__:
        if (value := getattr(row, _COLUMNS.get(name, name), None)) is not None:
            values[name] = value
    return record(**values | row.made())


def read_exported_rows(content: IO[bytes], table: str, user: str | None, accepted_at: datetime) -> Iterator[ExportedRecord | RecordError]:
    """The plausible records of a table's member, in its order. `user`: replaces the user in all of them; None: each keeps its own."""
    for found_row in rows_of_member(content, _ROWS[table]):
        if isinstance(found_row, RecordError):
            yield found_row
            continue
        line, row = found_row
        record = _record(table, row)
        if user is not None and hasattr(record, "user"):
            record.user = user
        for found in plausible([record], accepted_at):
            # One that is left out altogether gives an error alone.
            if isinstance(found, RecordError):
                yield found
            else:
                yield ExportedRecord(line, record, min(row.received_at, accepted_at), row.from_wire)


def rows_of_member(content: IO[bytes], wanted: Any) -> Iterator[tuple[int, Any] | RecordError]:
    """Each line by its number as a Struct, or as one of several; a RecordError for a line that fits none of them."""
    decoder = msgspec.json.Decoder(wanted)
    for line in read_lines(content):
        if isinstance(line, RecordError):
            yield line
            continue
        try:
            yield line.number, decoder.decode(line.content) if b"\\u0000" not in line.content else _without_nul(line.content, wanted)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
            # Without the value, which comes before the place.
            what = str(error).rpartition(" - ")[2] if isinstance(error, msgspec.ValidationError) else "no JSON"
            yield invalid_row(line.number, what)


def invalid_row(line: int, why: str) -> RecordError:
    """For a line that is no row, or one that cannot be stored. `why` quotes nothing of it."""
    return RecordError(code=INVALID_ROW, message=f"Line {line} is no row of an export ({why}).", line=line)


def _without_nul(line: bytes, wanted: Any) -> Any:
    return msgspec.convert(clean_json(msgspec.json.decode(line)), wanted, strict=False)
