"""What is stored is found by search, with all processes as they run for a user."""

from deploy.embedded.supervision.processes import wait_until
from tests.flow.conftest import Stack
from tests.flow.test_event_round_trip import start, write

FOUND_SECONDS = 60


def test_a_message_and_a_call_are_found_soon_after_they_are_stored(stack: Stack) -> None:
    session, _ = start(stack)
    write(stack, "/api/conversations", session_id=session, content="the zanzibarine cart", role="user", timestamp="2026-03-01T10:01:00Z")
    write(
        stack,
        "/api/tool-calls",
        session_id=session,
        tool_name="Bash",
        parameters={"command": "grep -rn zanzibarine src/"},
        result_status="success",
        timestamp="2026-03-01T10:02:00Z",
    )

    # The session is called by its prompt.
    def kinds() -> list[str]:
        items = stack.http.get("/api/search", params={"q": "zanzibarine"}).json()["items"]
        return sorted(item["kind"] for item in items)

    assert wait_until(lambda: kinds() == ["message", "session", "tool_call"], FOUND_SECONDS)
