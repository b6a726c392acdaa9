"""The rows of a transcript as far as we read them: a line in, typed rows out.

The types take the shapes that were seen (FORMATS.md §2.3-2.5) and pass over everything else without making objects of it. A line that does not fit is
taken apart slowly: two objects on one line, bytes that are no UTF-8, half a surrogate pair, a field of an unexpected type (which is then left out).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.clean import clean_json

T = TypeVar("T", bound=Struct)
NOTHING = Raw(b"null")


class Block(Struct):
    """A content block: text, tool_use or tool_result; of others only the type is looked at."""

    type: str | None = None
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    # A tool's result can be megabytes and is wanted only if it is an error.
    content: Raw = NOTHING
    is_error: bool | None = None


class CacheCreation(Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class ServerToolUse(Struct):
    web_search_requests: int | None = None


class Usage(Struct):
    """Tokens of an API call as the row says them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerToolUse | None = None
    speed: str | None = None


class ApiMessage(Struct):
    id: str | None = None
    model: str | None = None
    content: str | list[Block] | None = None
    usage: Usage | None = None


class Hunk(Struct):
    lines: list[str] | None = None


class ToolResult(Struct):
    """`toolUseResult` of the tools we look into."""

    type: str | None = None
    status: str | None = None
    interrupted: bool | None = None
    duration_ms: int | float | None = msgspec.field(name="durationMs", default=None)
    total_duration_ms: int | float | None = msgspec.field(name="totalDurationMs", default=None)
    file_path: str | None = msgspec.field(name="filePath", default=None)
    structured_patch: list[Hunk] | None = msgspec.field(name="structuredPatch", default=None)
    old_string: Raw = msgspec.field(name="oldString", default=NOTHING)
    original_file: Raw = msgspec.field(name="originalFile", default=NOTHING)
    content: Raw = NOTHING


class Origin(Struct):
    kind: str | None = None


class ForkedFrom(Struct, rename="camel"):
    session_id: str | None = None


class Row(Struct, rename="camel"):
    """Any record of a transcript: the envelope of conversation records and the fields of the metadata records that we use."""

    type: str | None = None
    uuid: str | None = None
    parent_uuid: str | None = None
    session_id: str | None = None
    timestamp: datetime | None = None
    cwd: str | None = None
    git_branch: str | None = None
    version: str | None = None
    is_sidechain: bool | None = None
    is_meta: bool | None = None
    is_compact_summary: bool | None = None
    agent_id: str | None = None
    request_id: str | None = None
    origin: Origin | None = None
    forked_from: ForkedFrom | None = None
    message: ApiMessage | None = None
    tool_use_result: ToolResult | str | list[Raw] | int | float | None = None
    tool_denial_kind: str | None = None
    # summary, ai-title, custom-title
    summary: str | None = None
    leaf_uuid: str | None = None
    ai_title: str | None = None
    custom_title: str | None = None
    # cost-state
    model_usage: Raw = NOTHING
    total_cost_usd: int | float | None = msgspec.field(name="totalCostUSD", default=None)
    total_duration: int | float | None = None
    total_api_duration: int | float | None = msgspec.field(name="totalAPIDuration", default=None)
    total_tool_duration: int | float | None = None
    total_lines_added: int | float | None = None
    total_lines_removed: int | float | None = None


class _Typed(Struct):
    type: str | None = None


Problem = Literal["INVALID_JSON", "NOT_AN_OBJECT", "NESTED_TOO_DEEP"]
_row = msgspec.json.Decoder(Row)
_typed = msgspec.json.Decoder(_Typed)
_pieces = json.JSONDecoder(strict=False)


def rows_of(line: bytes) -> Iterator[Row | Problem]:
    """The rows of a line, mostly one; a Problem for what is left of the line where it is no JSON object."""
    # Nearly every line goes this way. NUL is the one thing it would let pass that Postgres does not take.
    if b"\\u0000" not in line:
        try:
            yield _row.decode(line)
            return
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    yield from _rows_of_a_difficult_line(line)


def _rows_of_a_difficult_line(line: bytes) -> Iterator[Row | Problem]:
    text = line.decode("utf-8", "replace")
    at = 0
    while at < len(text):
        try:
            value, at = _pieces.raw_decode(text, at)
        except RecursionError:
            yield "NESTED_TOO_DEEP"
            return
        except ValueError:
            yield "INVALID_JSON"
            return
        while at < len(text) and text[at] in " \t\r\x00,":
            at += 1
        if not isinstance(value, dict):
            yield "NOT_AN_OBJECT"
            continue
        try:
            yield lenient(msgspec.json.encode(clean_json(value)), Row)
        except (RecursionError, msgspec.MsgspecError, OverflowError):
            yield "NESTED_TOO_DEEP"


def lenient(content: bytes | Raw, wanted: type[T]) -> T:
    """The struct, each field that does not fit its type left at its default. `content` is a valid JSON object."""
    try:
        return msgspec.json.decode(content, type=wanted)
    except msgspec.ValidationError:
        pass
    values: dict[str, Any] = {}
    given = msgspec.json.decode(content, type=dict[str, Raw])
    for field in msgspec.structs.fields(wanted):
        if (raw := given.get(field.encode_name)) is not None:
            try:
                values[field.name] = msgspec.json.decode(raw, type=field.type)
            except msgspec.ValidationError:
                if (part := _lenient_part(raw, field.type)) is not None:
                    values[field.name] = part
    return wanted(**values)


def _lenient_part(raw: Raw, wanted: Any) -> Any:
    """A struct, or a list of structs, of which one field does not fit."""
    first = bytes(raw).lstrip()[:1]
    for kind in get_args(wanted):
        if first == b"{" and _is_struct(kind):
            return lenient(raw, kind)
        if first == b"[" and get_args(kind) and _is_struct(get_args(kind)[0]):
            items = msgspec.json.decode(raw, type=list[Raw])
            return [lenient(item, get_args(kind)[0]) for item in items if bytes(item).lstrip()[:1] == b"{"]
    return None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)
