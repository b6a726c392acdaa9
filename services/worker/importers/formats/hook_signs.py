"""The signs that a hook gives of the state of its session and of a subagent (services/worker/persist/live)."""

from typing import Final, NamedTuple

import msgspec
from msgspec import Raw, Struct

from services.worker.importers.formats.transcript.call_outcomes import STARTING_TOOLS, goes_on
from services.worker.importers.formats.transcript.transcript_rows import ToolResult
from services.worker.persist.live.agent_signs import AgentSignKind, is_of_person
from services.worker.persist.live.session_signs import SignKind
from shared.claude_formats.tool_results import NOTHING

_OF_NOTIFICATIONS: dict[str | None, SignKind] = {
    "permission_prompt": "permission_asked",
    "idle_prompt": "idle",
    "agent_needs_input": "input_asked",
    "elicitation_dialog": "input_asked",
}
# These hooks are asked for nothing but the name.
_OF_EVENTS: dict[str | None, SignKind] = {
    "UserPromptSubmit": "prompt",
    "PreToolUse": "work",
    "PostToolUse": "work",
    "PostToolBatch": "work",
    "PermissionRequest": "permission_asked",
    "Elicitation": "input_asked",
    "ElicitationResult": "work",
    "Stop": "turn_over",
    "StopFailure": "turn_failed",
}
_OF_AGENTS: dict[str | None, AgentSignKind] = {
    "PreToolUse": "call",
    "PostToolUse": "work",
    "PostToolUseFailure": "work",
    "PostToolBatch": "work",
    "SubagentStart": "started",
    "SubagentStop": "done",
}


class _Hook(Struct):
    hook_event_name: str | None = None
    notification_type: str | None = None
    source: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    is_interrupt: bool | None = None
    tool_name: str | None = None
    tool_response: Raw = NOTHING


READ_FIELDS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(_Hook))
_decode = msgspec.json.Decoder(_Hook).decode
_decode_result = msgspec.json.Decoder(ToolResult).decode


class SignsOfHook(NamedTuple):
    """The signs of a hook on its session, and on a subagent by its id; None: nothing."""

    of_session: SignKind | None = None
    agent_id: str | None = None
    of_agent: AgentSignKind | None = None


def signs_of(payload: str) -> SignsOfHook:
    """The hook's signs. Nothing if the payload cannot be read."""
    try:
        hook = _decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return SignsOfHook()
    launched = _launched(hook)
    return SignsOfHook(_of_session(hook), launched or hook.agent_id, "launched" if launched else _of_agent(hook))


def _of_session(hook: _Hook) -> SignKind | None:
    match hook.hook_event_name:
        # The turn goes on after a compaction, if there is one.
        case "SessionStart":
            return None if hook.source == "compact" else "client_started"
        case "Notification":
            return _OF_NOTIFICATIONS.get(hook.notification_type)
        case "PostToolUseFailure":
            return "agent_work" if hook.agent_id else "interrupted" if hook.is_interrupt else "work"
        # Agents without a type are Claude Code's own, for titles and summaries.
        case "SubagentStart":
            return "agent_work" if hook.agent_type else None
        case event:
            kind = _OF_EVENTS.get(event)
            return "agent_work" if kind == "work" and hook.agent_id else kind


def _launched(hook: _Hook) -> str | None:
    """The subagent that a call has started in the background."""
    if hook.hook_event_name != "PostToolUse" or hook.tool_name not in STARTING_TOOLS:
        return None
    try:
        result = _decode_result(hook.tool_response)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return result.agent_id if goes_on(result) else None


def _of_agent(hook: _Hook) -> AgentSignKind | None:
    if not hook.agent_id or hook.agent_type == "" or not is_of_person(hook.agent_id):
        return None
    return _OF_AGENTS.get(hook.hook_event_name)
