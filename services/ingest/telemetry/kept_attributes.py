"""The kept part of telemetry: the attributes of each event, metric and span by name. All else is dropped, so that nothing new is kept unasked.

No text that a person or Claude wrote is listed, no body, no input of a tool, and nothing that tells who a person is: `user.*`, `organization.*`.
The transcript has the texts. Events of which nothing is listed are dropped as a whole: `hook_registered` comes 17 times with each start.
"""

import re
from typing import Any, Final, Literal

from msgspec import Struct

from shared.claude_formats.signals import WAIT

# The value of an attribute. Lists, maps and bytes are left out: nothing that is kept has them.
Value = str | bool | int | float
Attributes = dict[str, Value]

# The temporality of a sum, as the protocol numbers it; 1 is a delta.
CUMULATIVE: Final = 2


class Record(Struct, frozen=True, kw_only=True):
    """A log record, a metric's point or a span. Times are in nanoseconds since 1970; 0: not known. `name` is the metric's or span's, or the log's body.

    `value` and `temporality` are of a point. A span ends at `time`; it has `span_id` and `parent_id`, in hex. A log has the id of the span in which it was
    written, if traces are on.
    """

    name: str
    time: int
    attributes: Attributes
    start: int = 0
    value: float | None = None
    temporality: int = 0
    span_id: str = ""
    parent_id: str = ""


Kind = Literal["integer", "number", "flag", "text"]
# {attribute: (name under which it is kept, kind)}
Kept = dict[str, tuple[str, Kind]]

SESSION: Final = "session.id"
TOOL_USE: Final = "tool_use_id"
EVENT_NAME: Final = "event.name"
EVENT_TIME: Final = "event.timestamp"
EVENT_SEQUENCE: Final = "event.sequence"
PREFIX: Final = "claude_code."

MAX_CHARACTERS: Final = 200
# With these bounds no sum of what is stored overflows: milliseconds, tokens and bytes, and values of metrics. A value beyond them cannot be true.
MAX_INTEGER: Final = 10**11
MAX_NUMBER: Final = 1e15
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_RENAMED: Final = {"vcs.ref.head.revision": "commit", "vcs.ref.head.name": "branch", "vcs.ref.head.type": "branch_kind"}


def _kept(texts: str = "", integers: str = "", numbers: str = "", flags: str = "") -> Kept:
    kinds: tuple[tuple[str, Kind], ...] = ((texts, "text"), (integers, "integer"), (numbers, "number"), (flags, "flag"))
    return {name: (_RENAMED.get(name, name.replace(".", "_")), kind) for names, kind in kinds for name in names.split()}


# Attributes that any event may have: which prompt, agent and API call it is of.
_OF_ALL: Final = _kept(texts="prompt.id agent_id parent_agent_id request_id workflow.run_id", integers=EVENT_SEQUENCE)
_API_CALL: Final = "model query_source speed effort agent.name skill.name"

EVENTS: Final[dict[str, Kept]] = {
    name: _OF_ALL | kept
    for name, kept in {
        "user_prompt": _kept(integers="prompt_length"),
        "assistant_response": _kept(texts="model query_source", integers="response_length"),
        "api_request": _kept(
            texts=_API_CALL,
            integers="input_tokens output_tokens cache_read_tokens cache_creation_tokens cache_creation_5m_tokens cache_creation_1h_tokens"
            " duration_ms ttft_ms attempt",
            numbers="cost_usd",
        ),
        "api_error": _kept(texts=f"{_API_CALL} error error_type status_code", integers="duration_ms attempt"),
        "api_refusal": _kept(texts=f"{_API_CALL} category stop_reason"),
        "api_retries_exhausted": _kept(texts=f"{_API_CALL} error status_code", integers="total_attempts total_retry_duration_ms"),
        "tool_decision": _kept(texts="tool_name decision source tool_source permission_mode classifier_verdict"),
        "tool_result": _kept(
            texts="tool_name error_type decision_type decision_source mcp_server_scope vcs.ref.head.revision vcs.ref.head.name vcs.ref.head.type",
            integers="duration_ms tool_input_size_bytes tool_result_size_bytes",
            flags="success",
        ),
        "permission_mode_changed": _kept(texts="from_mode to_mode trigger"),
        "mcp_server_connection": _kept(texts="status transport_type server_scope server_name error_code", integers="duration_ms"),
        "internal_error": _kept(texts="error_name error_code"),
        "plugin_installed": _kept(texts="plugin.name plugin.version marketplace.name install.trigger"),
        "plugin_loaded": _kept(texts="plugin.name plugin.version marketplace.name plugin.scope"),
        "skill_activated": _kept(texts="skill.name skill.source invocation_trigger plugin.name"),
        "at_mention": _kept(texts="mention_type", flags="success"),
        "hook_execution_complete": _kept(
            texts="hook_event hook_name hook_source",
            integers="num_hooks num_success num_blocking num_non_blocking_error num_cancelled total_duration_ms stdout_chars additional_context_chars",
        ),
        "compaction": _kept(texts="trigger error", integers="duration_ms pre_tokens post_tokens", flags="success"),
        "subagent_completed": _kept(
            texts="agent_type agent.source model", integers="total_tokens total_tool_uses duration_ms", flags="is_built_in is_async"
        ),
        "retention_sweep": _kept(integers="history_entries_pruned transcripts_deleted transcripts_exempted_desktop"),
        "safety_event": _kept(texts="tool_name classifier_category", integers="sandbox_violation_count", flags="sandbox_enabled"),
    }.items()
}

_OF_USAGE: Final = "model query_source speed effort agent.name skill.name plugin.name mcp_server.name mcp_tool.name"
METRICS: Final[dict[str, Kept]] = {
    "session.count": _kept(texts="start_type"),
    "lines_of_code.count": _kept(texts="type model"),
    "pull_request.count": _kept(),
    "commit.count": _kept(),
    "cost.usage": _kept(texts=_OF_USAGE),
    "token.usage": _kept(texts=f"type {_OF_USAGE}"),
    "code_edit_tool.decision": _kept(texts="tool_name decision source language"),
    "active_time.total": _kept(texts="type"),
}

# The wait of a call for a permission. The events have what other spans say.
SPANS: Final[dict[str, Kept]] = {WAIT: _kept(texts="decision source tool_name agent_id", integers="duration_ms")}
# Its calls' names are looked up among these.
PARENTS: Final = frozenset({"tool"})

# The attributes that a decoder has to give; it need not read others. None: all of them (a metric's point is told by all).
WANTED: Final = frozenset(
    {SESSION, TOOL_USE, EVENT_NAME, EVENT_TIME, EVENT_SEQUENCE}.union(*EVENTS.values(), *SPANS.values(), {"tool_parameters"})
)
# They tell who a person is. Not even a hash has them.
_OF_PERSONS: Final = ("user.", "organization.", "identity.")


def kept_attributes(attributes: Attributes, kept: Kept) -> dict[str, Any]:
    """Those that are listed, by the names under which they are kept. A value that is not of its kind is left out."""
    found: dict[str, Any] = {}
    for name, (kept_name, kind) in kept.items():
        if name in attributes and (value := _as_kind(attributes[name], kind)) is not None:
            found[kept_name] = value
    return found


def without_persons(attributes: Attributes) -> Attributes:
    """Without those that tell who a person is."""
    return {name: value for name, value in attributes.items() if not name.startswith(_OF_PERSONS)}


def text_of(attributes: Attributes, name: str) -> str | None:
    """A text as it came; None without a text."""
    value = attributes.get(name)
    return value if isinstance(value, str) and value else None


def integer_of(value: Value | None) -> int | None:
    """A count, which some versions send as text; None without an integer."""
    number = number_of(value)
    return int(number) if number is not None and 0 <= number <= MAX_INTEGER else None


def number_of(value: Value | None) -> float | None:
    """A number; None without a number, or beyond what can be true."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if -MAX_NUMBER <= number <= MAX_NUMBER else None


def _as_kind(value: Value, kind: Kind) -> Any:
    match kind:
        case "integer":
            return integer_of(value)
        case "number":
            return number_of(value)
        case "flag":
            return {"true": True, "false": False}.get(str(value).lower())
        case "text":
            text = _CONTROL.sub(" ", str(value)).strip()[:MAX_CHARACTERS]
            return text or None
