"""A line of an export's rows as a record, with the id, the price and the source that the row had. docs/reference/export-format.md lists the fields.

Any program may have written a line. One that is no row of its table is an error; a value that cannot be true is treated as one of a transcript
(plausible_records.py).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import IO, Annotated, Any, Final, Literal, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.worker.importers.formats.json_lines import read_lines
from services.worker.importers.formats.plausible_records import plausible
from services.worker.importers.formats.sanitize import clean_json
from services.worker.persist.records import (
    SESSION_NUMBERS,
    ApiCall,
    ClientCosts,
    Decision,
    DecisionSource,
    DecisionTeller,
    DurationSource,
    Effort,
    EntryKind,
    FileChange,
    Media,
    Message,
    Record,
    RecordError,
    Result,
    SessionBoundary,
    SessionFacts,
    StoredPrice,
    TimelineEntry,
    ToolUse,
)
from shared.claude_formats.call_outcome import CallOutcome
from shared.events.messages import EARLIEST, LATEST, ToolStatus

INVALID_ROW: Final = "INVALID_ROW"

R = TypeVar("R", bound=Struct)

# With an offset: one without would be compared with ours.
_Time = Annotated[datetime, Meta(tz=True)]
_SessionId = Annotated[str, Meta(min_length=1, max_length=200)]
_Number = Annotated[int, Meta(ge=0, le=2**53)]
_Price = Annotated[int, Meta(ge=0, le=2**62)]


class ExportedRecord(NamedTuple):
    """`from_wire`: a client sent it to the other tracker, so that no file overrules it. `line` counts from 1."""

    line: int
    record: Record
    received_at: datetime
    from_wire: bool


class _Row(Struct, kw_only=True):
    id: UUID
    received_at: _Time
    from_wire: bool = False
    source: str | None = None

    def __post_init__(self) -> None:
        """ValueError. Whether the time of what happened is believed is asked later, as of any record."""
        if not EARLIEST <= self.received_at <= LATEST:
            raise ValueError(f"received_at is not between {EARLIEST:%Y} and {LATEST:%Y}")


class _Facts(_Row, kw_only=True):
    session_id: _SessionId
    source: str
    project_path: str | None = None
    user: str | None = None
    first_record_at: _Time | None = None
    last_record_at: _Time | None = None
    ended_at: _Time | None = None
    active_ranges: list[tuple[_Time, _Time]] = []
    title: str | None = None
    title_rank: Annotated[int, Meta(ge=0, le=100)] = 0
    parent_session_id: str | None = None
    model: str | None = None
    git_branch: str | None = None
    client_version: str | None = None
    numbers: dict[str, _Price] | None = None
    end_reason: str | None = None
    client_costs: ClientCosts | None = None

    def record(self) -> SessionFacts:
        """claude.json says only when a session ended; what other files say of it was seen."""
        is_said = self.source == "claude.json"
        return SessionFacts(
            id=self.id,
            session_id=self.session_id,
            source=self.source,
            project_path=self.project_path,
            user=self.user,
            started_at=None if is_said else self.first_record_at,
            ended_at=self.ended_at if is_said else self.last_record_at,
            active_ranges=self.active_ranges,
            title=self.title,
            title_rank=self.title_rank,
            parent_session_id=self.parent_session_id,
            model=self.model,
            git_branch=self.git_branch,
            client_version=self.client_version,
            end_reason=self.end_reason,
            client_costs=self.client_costs,
            **{name: value for name, value in (self.numbers or {}).items() if name in SESSION_NUMBERS},
        )


class _Boundary(_Row, kw_only=True):
    session_id: _SessionId
    kind: Literal["start", "end"]
    occurred_at: _Time
    project_path: str | None = None
    user: str | None = None
    model: str | None = None
    git_branch: str | None = None
    client_version: str | None = None

    def record(self) -> SessionBoundary:
        return _as(SessionBoundary, self, timestamp=self.occurred_at)


class _Message(_Row, kw_only=True):
    role: Literal["user", "assistant"]
    content: str
    session_id: _SessionId | None = None
    project_path: str | None = None
    user: str | None = None
    occurred_at: _Time | None = None
    model: str | None = None
    agent_id: str | None = None

    def record(self) -> Message:
        return _as(Message, self, timestamp=self.occurred_at)


class _ToolCall(_Row, kw_only=True):
    tool_name: str
    status: ToolStatus
    occurred_at: _Time
    session_id: _SessionId | None = None
    user: str | None = None
    duration_ms: _Number | None = None
    duration_source: DurationSource | None = None
    wait_ms: _Number | None = None
    parameters: Any = None
    result: str | None = None
    result_left_out: _Number | None = None
    result_cut_at: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    result_media: list[Media] | None = None
    error_class: str | None = None
    started_agent: str | None = None
    decision: Decision | None = None
    decision_source: DecisionSource | None = None
    decision_told_by: DecisionTeller | None = None
    decided_at: _Time | None = None
    decision_wait_ms: _Number | None = None
    is_sandboxed: bool | None = None
    outcome: CallOutcome | None = None
    agent_id: str | None = None

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        if self.decided_at is not None and not EARLIEST <= self.decided_at <= LATEST:
            raise ValueError(f"decided_at is not between {EARLIEST:%Y} and {LATEST:%Y}")

    def record(self) -> ToolUse:
        result = None
        if self.result is not None:
            result = Result(text=self.result, left_out=self.result_left_out or 0, cut_at=self.result_cut_at, media=self.result_media or [])
        return _as(ToolUse, self, timestamp=self.occurred_at, result=result)


class _Activity(_Row, kw_only=True):
    session_id: _SessionId
    file_path: str
    action: Literal["created", "modified", "deleted"]
    lines_added: _Number
    lines_removed: _Number
    occurred_at: _Time
    is_estimated: bool = False
    tool_call_id: UUID | None = None
    patch: str | None = None
    patch_left_out: _Number | None = None
    agent_id: str | None = None

    def record(self) -> FileChange:
        return _as(FileChange, self, timestamp=self.occurred_at, patch_left_out=self.patch_left_out or 0)


class _ApiCall(_Row, kw_only=True):
    session_id: _SessionId
    occurred_at: _Time
    model: str | None = None
    input_tokens: _Number = 0
    output_tokens: _Number = 0
    cache_write_5m_tokens: _Number = 0
    cache_write_1h_tokens: _Number = 0
    cache_read_tokens: _Number = 0
    web_searches: _Number = 0
    cost_nano_usd: _Price | None = None
    uncached_nano_usd: _Price | None = None
    cache_saved_nano_usd: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None
    cache_write_nano_usd: _Price | None = None
    price_version: str | None = None
    is_fast: bool | None = None
    inference_geo: str | None = None
    is_advisor: bool | None = None
    effort: Effort | None = None
    thinking_ms: _Number | None = None
    agent_id: str | None = None

    def record(self) -> ApiCall:
        price = StoredPrice(
            self.cost_nano_usd, self.uncached_nano_usd, self.cache_saved_nano_usd, self.cache_write_nano_usd, self.price_version
        )
        marks = {"is_fast": bool(self.is_fast), "is_advisor": bool(self.is_advisor)}
        return _as(ApiCall, self, timestamp=self.occurred_at, price=price, **marks)


class _Entry(_Row, kw_only=True):
    session_id: _SessionId
    kind: EntryKind
    content: str
    occurred_at: _Time
    details: dict[str, Any] | None = None
    agent_id: str | None = None

    def record(self) -> TimelineEntry:
        return _as(TimelineEntry, self, timestamp=self.occurred_at)


_ROWS: Final[Mapping[str, type[Any]]] = {
    "session_facts": _Facts,
    "session_events": _Boundary,
    "messages": _Message,
    "tool_calls": _ToolCall,
    "activities": _Activity,
    "api_calls": _ApiCall,
    "timeline_entries": _Entry,
}
# The tables whose rows become records; the others are stored by themselves.
RECORD_TABLES: Final = frozenset(_ROWS)


def _as(record_type: type[R], row: Struct, **changed: Any) -> R:
    """The record with the row's fields of the same name."""
    wanted = record_type.__struct_fields__
    return record_type(**({name: getattr(row, name) for name in row.__struct_fields__ if name in wanted} | changed))


def read_exported_rows(content: IO[bytes], table: str, user: str | None, accepted_at: datetime) -> Iterator[ExportedRecord | RecordError]:
    """The plausible records of a table's member, in its order. `user`: replaces the user in all of them; None: each keeps its own."""
    for found_row in rows_of_member(content, _ROWS[table]):
        if isinstance(found_row, RecordError):
            yield found_row
            continue
        line, row = found_row
        record = row.record()
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
