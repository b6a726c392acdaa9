"""Whom a session waits for, as a hook says. No row has it: it holds only until something else happens in the session."""

from typing import Any, Literal

import msgspec
from msgspec import Struct

_OF_NOTIFICATIONS: dict[str | None, Literal["permission", "input"]] = {
    "permission_prompt": "permission",
    "idle_prompt": "input",
    "agent_needs_input": "input",
    "elicitation_dialog": "input",
}


class _Hook(Struct):
    session_id: str = ""
    hook_event_name: str | None = None
    notification_type: str | None = None
    background_tasks: list[Any] = []


_decode = msgspec.json.Decoder(_Hook).decode


def wait_of(payload: str) -> tuple[str, Literal["permission", "input", "error"]] | None:
    """The session, and what it waits for. None if it does not wait, or the payload says nothing of it."""
    try:
        hook = _decode(payload)
    except (msgspec.MsgspecError, RecursionError):
        return None
    match hook.hook_event_name:
        case "Notification":
            reason = _OF_NOTIFICATIONS.get(hook.notification_type)
            return (hook.session_id, reason) if reason else None
        case "PermissionRequest":
            return hook.session_id, "permission"
        case "Elicitation":
            return hook.session_id, "input"
        # With agents in the background the session goes on by itself.
        case "Stop" if not hook.background_tasks:
            return hook.session_id, "input"
        case "StopFailure":
            return hook.session_id, "error"
    return None
