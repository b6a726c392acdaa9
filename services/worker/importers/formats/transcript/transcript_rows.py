"""The rows of a transcript, as far as they are used. The types are those that were seen (docs/explanation/claude-code-formats.md); all else is skipped."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

NOTHING = Raw(b"null")


class Block(Struct):
    """A content block: text, tool_use or tool_result. Only the type of others is used."""

    type: str | None = None
    text: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    # A tool's result can be megabytes, and is used only if it is an error.
    content: Raw = NOTHING
    is_error: bool | None = None


class CacheCreation(Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class ServerToolUse(Struct):
    web_search_requests: int | None = None


class Usage(Struct):
    """Tokens of an API call, as the row has them."""

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
    """`toolUseResult` of the tools with results that are used."""

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


class Progress(Struct, rename="camel"):
    """`data` of a progress record. In `agent_progress`, `message` is a record of the subagent's own file, without the envelope."""

    type: str | None = None
    agent_id: str | None = None
    message: Raw = NOTHING


class Row(Struct, rename="camel"):
    """Any record of a transcript: the envelope of conversation records, and the fields of metadata records that are used."""

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
    # progress
    data: Raw = NOTHING
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
