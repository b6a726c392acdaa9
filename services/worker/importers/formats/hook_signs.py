"""What a hook says of its session's state, as a sign (services/worker/persist/live/session_signs.py)."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from services.worker.persist.live.session_signs import SignKind

_OF_NOTIFICATIONS: dict[str | None, SignKind] = {
    "permission_prompt": "permission_asked",
    "idle_prompt": "idle",
    "agent_needs_input": "input_asked",
    "elicitation_dialog": "input_asked",
}
# Of these hooks nothing but the name is asked.
_OF_EVENTS: dict[str | None, SignKind] = {
    "UserPromptSubmit": "prompt",
    "PreToolUse": "work",
    "PostToolUse": "work",
    "PostToolBatch": "work",
    "PermissionRequest": "permission_asked",
    "Elicitation": "input_asked",
    "ElicitationResult": "work",
    "StopFailure": "turn_failed",
}


class _Hook(Struct):
    hook_event_name: str | None = None
    notification_type: str | None = None
    source: str | None = None
    agent_id: str | None = None
    agent_type: str | None = None
    is_interrupt: bool | None = None
    background_tasks: list[Any] | None = None


READ_FIELDS: Final = frozenset(field.encode_name for field in msgspec.structs.fields(_Hook))
_decode = msgspec.json.Decoder(_Hook).decode


def sign_of(payload: str) -> SignKind | None:
    """What the hook shows of its session. None if it shows nothing, or the payload cannot be read."""
    try:
        return _kind_of(_decode(payload))
    except (msgspec.MsgspecError, RecursionError):
        return None


def _kind_of(hook: _Hook) -> SignKind | None:
    match hook.hook_event_name:
        # The turn goes on after a compaction, if there is one.
        case "SessionStart":
            return None if hook.source == "compact" else "client_started"
        case "Notification":
            return _OF_NOTIFICATIONS.get(hook.notification_type)
        # With agents in the background the session goes on by itself.
        case "Stop":
            return "work" if hook.background_tasks else "turn_over"
        case "PostToolUseFailure":
            return "interrupted" if hook.is_interrupt and hook.agent_id is None else "work"
        # Agents without a type are Claude Code's own, for titles and summaries.
        case "SubagentStart":
            return "work" if hook.agent_type else None
        case event:
            return _OF_EVENTS.get(event)
