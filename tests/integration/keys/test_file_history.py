"""Whose keys see the history of files."""

import psycopg

from tests.integration.keys.conftest import Api, is_error
from tests.integration.query import seed


def test_a_bound_key_sees_changes_of_its_projects_only(api: Api, admin: str) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        one, two = (seed.add_project(connection, path) for path in ("/p/one", "/p/two"))
        for session_id, project in (("s-1", one), ("s-2", two)):
            seed.add_session(connection, session_id, project)
            seed.add_message(connection, session_id, "2026-01-01T00:00:00Z", f"prompt of {session_id}")
            seed.add_activity(connection, session_id, "2026-01-01T00:00:01Z", "/shared/a.ts")
        seed.add_activity(connection, "s-2", "2026-01-01T00:00:02Z", "/p/two/b.ts")
        seed.compute_totals(connection)
        connection.execute("INSERT INTO session_marks (session_id, title) VALUES ('s-1', 'one'), ('s-2', 'two')")
    bound = api.key("read", projects=[one])

    found = api.get(bound, "/api/files/history?path=/shared/a.ts").json()

    assert [(item["session_title"], item["prompt"]["text"]) for item in found["items"]] == [("one", "prompt of s-1")]
    assert (found["summary"]["changes"], found["summary"]["sessions"]) == (1, 1)
    assert api.get(bound, "/api/files/history?path=/p/two/*").json()["items"] == []
    assert [item["file_path"] for item in api.get(bound, "/api/files").json()["items"]] == ["/shared/a.ts"]
    is_error(api.get(bound, f"/api/files/history?path=b.ts&project_id={two}"), 400, "VALIDATION_ERROR")
    assert len(api.get(admin, "/api/files/history?path=/*").json()["items"]) == 3
