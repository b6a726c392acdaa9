"""A bound key finds in the index what the policies of its rows show, so that totals and times tell of nothing else."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import pytest

from services.query.database import Database
from services.query.queries.search.query_filters import Filters, empty_filters
from services.query.queries.search.text_filters import filter_query
from services.query.queries.search.text_searcher import all_of, count, newest_hits, rows_of
from services.query.search_index.documents.row_documents import row_documents
from services.query.search_index.reader import View
from services.query.settings import Settings
from shared.auth.keys import Grant
from tests.integration.query import seed
from tests.kept_connection import Connection
from tests.unit.query.search.texts_in_memory import view_of

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
USERS, PROJECTS = ("ann", "ben"), ("/shop", "/site")
MARKS = (None, "shared", "private")
KEYS = {
    "a project": Grant("k", frozenset({"read"}), project_ids=(1,)),
    "two projects": Grant("k", frozenset({"read"}), project_ids=(1, 2)),
    "a user": Grant("k", frozenset({"read"}), users=("ann",)),
    "two users": Grant("k", frozenset({"read"}), users=("ann", "ben")),
    "a user in a project": Grant("k", frozenset({"read"}), project_ids=(2,), users=("ben",)),
    "nobody": Grant("k", frozenset({"read"}), users=("zoe",)),
}


@pytest.fixture
def view(connection: Connection) -> View:
    """Texts of each user in each project, in sessions that are shared, private or say nothing, and in none; one project says otherwise than all."""
    users = {name: seed.add_user(connection, name) for name in USERS}
    projects = {path: seed.add_project(connection, path) for path in PROJECTS}
    connection.execute("UPDATE projects SET visibility = 'shared' WHERE path = '/site'")
    for path, project in projects.items():
        for name, user in users.items():
            for mark in MARKS:
                session_id = f"{path} {name} {mark}"
                seed.add_session(connection, session_id, project, user, title="a title", dated_at=NOON)
                if mark is not None:
                    connection.execute("INSERT INTO session_marks (session_id, visibility) VALUES (%s, %s)", (session_id, mark))
                seed.add_document(connection, session_id, NOON, "said")
                seed.add_document(connection, session_id, NOON, "done", result="given back")
                seed.add_timeline_entry(connection, session_id, NOON, "command", "/clear")
                seed.add_activity(connection, session_id, NOON, f"{session_id}/main.py")
            connection.execute(
                "UPDATE messages SET project_id = %s, user_id = %s WHERE id = %s",
                (project, user, seed.add_message(connection, None, NOON, "alone")),
            )
    seed.compute_totals(connection)
    keys = {
        kind: [row[0] for row in connection.execute(statement).fetchall()]  # type: ignore[arg-type]
        for kind, statement in {
            "message": "SELECT id::text FROM messages",
            "tool_call": "SELECT id::text FROM tool_calls",
            "timeline_entry": "SELECT id::text FROM timeline_entries",
            "session": "SELECT session_id FROM sessions",
            "file": "SELECT project_id || ' ' || file_key || ' ' || user_id FROM activities",
        }.items()
    }
    return view_of([row for kind, of_kind in keys.items() for row in row_documents(connection, kind, of_kind)])  # type: ignore[arg-type]


@pytest.fixture(params=["private", "shared"])
def database(query_settings: Settings, request: pytest.FixtureRequest) -> Iterator[Database]:
    """The database of a service whose sessions are one or the other, where nobody says otherwise."""
    with closing(Database(query_settings.model_copy(update={"sessions": request.param}))) as database:
        yield database


@pytest.mark.parametrize("name", KEYS)
def test_a_bound_key_finds_the_rows_that_it_sees(database: Database, view: View, name: str) -> None:
    everything = newest_hits(view, all_of(), 1_000)

    with database.connection(KEYS[name]) as connection:
        visible = rows_of(connection, everything)
        passing = filter_query(connection, Filters(empty_filters(), None, None, {}, False))

    assert len(everything) == 4 * 3 * 5 + 4
    assert passing is not None
    assert {(hit.kind, hit.id) for hit in newest_hits(view, passing, 1_000)} == visible.keys()
    assert count(view, passing) == len(visible)


def test_a_key_that_is_not_bound_finds_everything(database: Database, view: View) -> None:
    with database.connection() as connection:
        assert filter_query(connection, Filters(empty_filters(), None, None, {}, False)) is None
        assert len(rows_of(connection, newest_hits(view, all_of(), 1_000))) == 4 * 3 * 5 + 4
