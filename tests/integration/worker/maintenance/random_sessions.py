"""Sessions of two days with events by chance, for what a property says of all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import strategies as st

from shared.events.messages import Activity, Conversation, Event, SessionStart, ToolCall, Usage

NAMESPACE = UUID(int=43)
# A Saturday, so that weeks are cut.
BEGIN = datetime(2026, 2, 28, 20, tzinfo=UTC)
DAYS = "start_date=2026-02-28&end_date=2026-03-03"
PROJECTS = ("/p/one", "/p/two")
minutes = st.integers(0, 6_000)


@st.composite
def sessions(draw: st.DrawFn) -> list[list[Event]]:
    return [draw(session(f"s{number}")) for number in range(draw(st.integers(1, 6)))]


@st.composite
def session(draw: st.DrawFn, session_id: str) -> list[Event]:
    begin = BEGIN + timedelta(minutes=draw(minutes))
    user = draw(st.sampled_from(("ann", "bob", None)))
    project = draw(st.sampled_from(PROJECTS))
    events: list[Event] = [
        SessionStart(project_path=project, start_time=begin, user=user, session_id=session_id, id=uuid5(NAMESPACE, session_id))
    ]
    for number, kind in enumerate(draw(st.lists(st.sampled_from("umacf"), max_size=12))):
        at, event_id = begin + timedelta(minutes=draw(st.integers(0, 400))), uuid5(NAMESPACE, f"{session_id} {number}")
        events.append(draw(event(kind, session_id, at, event_id)))
    return events


@st.composite
def event(draw: st.DrawFn, kind: str, session_id: str, at: datetime, event_id: UUID) -> Event:
    common: dict[str, Any] = {"session_id": session_id, "timestamp": at, "id": event_id}
    number = draw(st.integers(0, 5_000))
    match kind:
        case "u":
            return Conversation(content="ask", role="user", **common)
        case "m":
            usage = Usage(input_tokens=number, output_tokens=7, cache_read_input_tokens=3)
            return Conversation(
                content="answer", role="assistant", model=draw(st.sampled_from(("claude-opus-4-6", "own"))), usage=usage, **common
            )
        case "a":
            return Activity(file_path=f"/f/{number % 3}.py", action="modified", lines_added=number, lines_removed=1, **common)
        case _:
            status: Any = "success" if kind == "c" else draw(st.sampled_from(("error", "rejected", "timeout")))
            return ToolCall(tool_name=draw(st.sampled_from(("Bash", "Read"))), result_status=status, execution_time_ms=number, **common)
