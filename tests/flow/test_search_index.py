"""Stored texts are found by search, with all processes as they run for a user."""

from pathlib import Path

from tantivy import Occur, Query

from deploy.embedded.supervision.processes import wait_until
from services.query.search_index.folder import Folder
from services.query.search_index.words.fields import PARTS, SESSION_ID, open_index, schema
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack, start_session, write_event

FOUND_SECONDS = 60


def test_a_message_and_a_call_are_found_soon_after_they_are_stored(stack: Stack) -> None:
    session, _ = start_session(stack)
    write_event(
        stack, "/api/conversations", session_id=session, content="the zanzibarine cart", role="user", timestamp="2026-03-01T10:01:00Z"
    )
    write_event(
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


def test_an_imported_session_is_in_the_index_of_sessions(stack: Stack, tracker: Run, home: ClaudeHome) -> None:
    # Given a transcript
    session_id = home.transcript().stem

    # When it is imported
    assert tracker("import").returncode == 0

    # Then the query service has it in its own index
    folder = Folder(Path(stack.environment["TRACKER_SEARCH_FOLDER"]) / "0")
    assert wait_until(lambda: session_id in sessions_with(folder, "tests"), FOUND_SECONDS)


def sessions_with(folder: Folder, word: str) -> set[str]:
    if (state := folder.state()) is None:
        return set()
    searcher = open_index(str(folder.sessions_path(state.index))).searcher()
    query = Query.boolean_query([(Occur.Should, Query.term_query(schema(), part, word)) for part in PARTS])
    return {searcher.doc(address)[SESSION_ID][0] for _, address in searcher.search(query, 100).hits}
