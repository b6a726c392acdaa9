"""The rows of a transcript, as far as they are used. The types are those that were seen (docs/explanation/claude-code-formats.md); all else is skipped."""

import json
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.formats.json_lines import objects_of
from services.worker.importers.formats.sanitize import clean
from shared.claude_formats.tool_results import NOTHING


def text_of_raw(raw: Raw) -> str:
    """The text of a field that the decoder skipped, and so did not check; empty if it is no text."""
    if bytes(memoryview(raw)[:1]) != b'"':
        return ""
    value = json.loads(bytes(raw).decode("utf-8", "replace"), strict=False)
    return clean(value) if isinstance(value, str) else ""


class Block(Struct):
    """A content block: text, thinking, tool_use or tool_result. Only the type of others is used."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    # The API's own mark of the thinking.
    signature: str | None = None
    id: str | None = None
    name: str | None = None
    input: dict[str, Any] | None = None
    tool_use_id: str | None = None
    # A tool's result can be megabytes.
    content: Raw = NOTHING
    is_error: bool | None = None


class CacheCreation(Struct):
    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class ServerToolUse(Struct):
    web_search_requests: int | None = None


class Iteration(Struct):
    """One of the steps that the API took for one call. An advisor's is a call of another model, whose tokens are in no other sum."""

    type: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None


class Usage(Struct):
    """Tokens of an API call, as the row has them."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    server_tool_use: ServerToolUse | None = None
    speed: str | None = None
    inference_geo: str | None = None
    iterations: list[Iteration] | None = None


class ApiMessage(Struct):
    id: str | None = None
    model: str | None = None
    content: str | list[Block] | None = None
    usage: Usage | None = None


class Hunk(Struct, rename="camel"):
    old_start: Any = None
    old_lines: Any = None
    new_start: Any = None
    new_lines: Any = None
    lines: list[str] | None = None


class ToolResult(Struct):
    """`toolUseResult` of the tools with results that are used."""

    type: str | None = None
    status: str | None = None
    interrupted: bool | None = None
    duration_ms: int | float | None = msgspec.field(name="durationMs", default=None)
    total_duration_ms: int | float | None = msgspec.field(name="totalDurationMs", default=None)
    duration_seconds: int | float | None = msgspec.field(name="durationSeconds", default=None)
    file_path: str | None = msgspec.field(name="filePath", default=None)
    structured_patch: list[Hunk] | None = msgspec.field(name="structuredPatch", default=None)
    old_string: Raw = msgspec.field(name="oldString", default=NOTHING)
    original_file: Raw = msgspec.field(name="originalFile", default=NOTHING)
    content: Raw = NOTHING
    # The command of Bash that goes on.
    background_task_id: str | None = msgspec.field(name="backgroundTaskId", default=None)
    # The subagent that a call of Task or Agent started.
    agent_id: str | None = msgspec.field(name="agentId", default=None)


class Origin(Struct):
    kind: str | None = None


class ForkedFrom(Struct, rename="camel"):
    session_id: str | None = None


class PermissionDecision(Struct, rename="camel"):
    """Whether a call was allowed, and what decided. `rule_source`: the settings that have the rule."""

    decision: str | None = None
    source: str | None = None
    rule_source: str | None = None


class CompactMetadata(Struct, rename="camel"):
    trigger: str | None = None
    pre_tokens: int | float | None = None
    post_tokens: int | float | None = None
    tokens_saved: int | float | None = None
    duration_ms: int | float | None = None


class ApiError(Struct):
    """`error` of an api_error: what the client makes of it, else of the connection, else of the API's answer."""

    status: int | float | None = None
    formatted: str | None = None
    message: str | None = None
    error: Any = None
    cause: Any = None

    def text(self) -> str:
        """The first text that says something."""
        places = [self.formatted, self.message, self.error, self.cause]
        for place in places:
            if isinstance(place, str) and place:
                return place
            if isinstance(place, dict):
                # The API's own answer is in the error of an error; a broken connection has a code.
                places += [place.get("message"), place.get("error"), place.get("code")]
        return ""


class Attachment(Struct, rename="camel"):
    """The attachments that Claude Code put before Claude besides messages: what hooks said, prompts typed meanwhile."""

    type: str | None = None
    content: Raw = NOTHING
    prompt: Raw = NOTHING
    hook_name: str | None = None
    exit_code: int | float | None = None
    stdout: str | None = None
    stderr: str | None = None
    message: str | None = None
    # Its `blockingError` is the text.
    blocking_error: dict[str, Any] | None = None

    def text(self) -> str:
        """The words of a hook."""
        error = self.blocking_error.get("blockingError") if self.blocking_error else None
        parts = (error, self.message, text_of_raw(self.content), self.stderr, self.stdout)
        return next((part.strip() for part in parts if isinstance(part, str) and part.strip()), "")


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
    permission_decision: PermissionDecision | None = None
    # Whether a shell's command ran in a sandbox.
    sandboxed: bool | None = None
    effort: str | None = None
    # The text of the thinking block that the row has, the only one.
    thinking_duration_ms: int | float | None = None
    # The block's place in the answer.
    api_block_index: int | None = None
    # The message whose calls a person interrupted while they ran.
    interrupted_message_id: str | None = None
    attachment: Raw = NOTHING
    # Answers in Claude's place, and system records.
    is_api_error_message: bool | None = None
    api_error_status: int | float | None = None
    error: ApiError | str | None = None
    subtype: str | None = None
    content: Raw = NOTHING
    compact_metadata: CompactMetadata | None = None
    microcompact_metadata: CompactMetadata | None = None
    retry_attempt: int | float | None = None
    max_retries: int | float | None = None
    retry_in_ms: int | float | None = None
    hook_errors: list[Any] | None = None
    prevented_continuation: bool | None = None
    stop_reason: str | None = None
    original_model: str | None = None
    fallback_model: str | None = None
    # progress
    parent_tool_use_id: str | None = msgspec.field(name="parentToolUseID", default=None)
    data: Raw = NOTHING
    # summary, ai-title, agent-name, custom-title
    summary: str | None = None
    leaf_uuid: str | None = None
    ai_title: str | None = None
    agent_name: str | None = None
    custom_title: str | None = None
    # file-history-snapshot
    message_id: str | None = None
    snapshot: Raw = NOTHING
    # cost-state
    model_usage: Raw = NOTHING
    total_cost_usd: int | float | None = msgspec.field(name="totalCostUSD", default=None)
    total_duration: int | float | None = None
    total_api_duration: int | float | None = msgspec.field(name="totalAPIDuration", default=None)
    total_tool_duration: int | float | None = None
    total_lines_added: int | float | None = None
    total_lines_removed: int | float | None = None
    start_time: int | float | None = None
    has_unknown_model_cost: bool | None = None
    model_call_cost_usd: int | float | None = msgspec.field(name="modelCallCostUSD", default=None)
    # pr-link
    pr_url: str | None = None
    # permission-mode, and prompts
    permission_mode: str | None = None


_attachment = msgspec.json.Decoder(Attachment)


def attachment_of(row: Row) -> Attachment | None:
    """The row's attachment; None if it is no object."""
    [attachment, *_] = [*objects_of(bytes(row.attachment), _attachment), None]
    return attachment if isinstance(attachment, Attachment) else None


# Texts that Claude Code itself writes as the user (docs/explanation/claude-code-formats.md).
NOT_FROM_PERSON = (
    "<command-name>",
    "<command-message>",
    "<command-args>",
    "<local-command-",
    "<task-notification>",
    "<teammate-message",
    "<bash-input>",
    "<bash-stdout>",
    "<bash-stderr>",
    "<system-reminder>",
    "[Request interrupted",
)
# Blocks that an editor adds to the person's text.
FROM_EDITOR = ("<ide_opened_file>", "<ide_selection>", "<ide_diagnostics>")
ATTACHMENTS = {"image": "[Image]", "document": "[Document]"}


def text_of_person(row: Row) -> str | None:
    """The text that the person wrote; None if the row is not a person's. An image becomes [Image]."""
    if row.is_meta or row.is_compact_summary or row.is_sidechain or row.message is None:
        return None
    if row.origin is not None and row.origin.kind not in (None, "human"):
        return None
    content = row.message.content
    if isinstance(content, str):
        return content if content and not content.lstrip().startswith(NOT_FROM_PERSON) else None
    return _text_of_blocks(content or [])


def _text_of_blocks(blocks: list[Block]) -> str | None:
    parts = [text for block in blocks if (text := _text_of(block))]
    own = [part for part in parts if not part.lstrip().startswith(FROM_EDITOR)]
    if not parts or (own and own[0].lstrip().startswith(NOT_FROM_PERSON)):
        return None
    # A message may consist of the editor's blocks alone.
    return "\n".join(own or parts)


def _text_of(block: Block) -> str | None:
    return block.text if block.type == "text" else ATTACHMENTS.get(block.type or "")
