"""A session with an event of each kind, for tests that look whether usual events are still stored and counted."""

from datetime import datetime, timedelta
from uuid import uuid4

from shared.events.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall, Usage

MINUTES = 10
LINES_ADDED, LINES_REMOVED, INPUT_TOKENS, CALL_MS = 5, 2, 7, 250


def whole_session(session_id: str, user: str, start: datetime) -> list[Event]:
    """In the project /home/<user>/app, ten minutes long. Each call has other event ids."""
    return [
        SessionStart(session_id=session_id, project_path=f"/home/{user}/app", start_time=start, user=user, id=uuid4()),
        Conversation(
            session_id=session_id, content="x", role="assistant", timestamp=start, model="claude-opus-4-5-20251101",
            usage=Usage(input_tokens=INPUT_TOKENS), id=uuid4(),
        ),
        Activity(
            session_id=session_id, file_path="/a", action="modified", lines_added=LINES_ADDED, lines_removed=LINES_REMOVED, timestamp=start, id=uuid4()
        ),
        ToolCall(session_id=session_id, tool_name="Bash", result_status="success", execution_time_ms=CALL_MS, timestamp=start, id=uuid4()),
        SessionEnd(session_id=session_id, end_time=start + timedelta(minutes=MINUTES), id=uuid4()),
    ]  # fmt: skip
