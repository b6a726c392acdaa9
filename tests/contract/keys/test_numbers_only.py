"""A key with the scope metrics: the same numbers as everybody's, and nothing of what anybody wrote, nor where."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.scopes import SCOPES
from tests.contract.keys.conftest import Api
from tests.contract.query import seed, world

QUERIES = {
    "/api/projects/{project_id}/stats": ["", "?start_date=2024-03-01&end_date=2024-11-30&interval=week"],
    "/api/stats": ["", "?start_date=2024-03-01&end_date=2025-11-30&interval=month"],
    "/api/usage": [f"?group_by={by}" for by in ("day", "model", "project", "user")],
    "/api/tool-calls/stats": ["", "?project_id=1", "?tool_name=Bash"],
    "/api/accounting": [""],
    "/metrics": [""],
}


@pytest.fixture
def corpus(database_url: str) -> set[str]:
    """Everything that is a text, a path or a name of a project."""
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        world.build(connection)
        project = seed.add_project(connection, "/home/dev/a-secret-name")
        seed.add_session(
            connection, "titled", project, title="The title of a session", git_branch="a-branch", started_at="2024-05-01T00:00:00Z"
        )
        seed.add_message(connection, "titled", "2024-05-01T00:00:00Z", "What nobody is to know")
        seed.add_activity(connection, "titled", "2024-05-01T00:00:00Z", "/home/dev/a-secret-name/a-file.py")
        seed.add_tool_call(connection, "titled", "2024-05-01T00:00:00Z", parameters='{"command": "cat a-file.py"}')
        seed.compute_aggregates(connection)
        sql = """
            SELECT content FROM messages UNION SELECT file_path FROM files UNION SELECT path FROM projects UNION SELECT name FROM projects
            UNION SELECT parameters::text FROM tool_calls WHERE parameters IS NOT NULL
            UNION SELECT title FROM sessions WHERE title IS NOT NULL UNION SELECT git_branch FROM sessions WHERE git_branch IS NOT NULL
            UNION SELECT session_id FROM sessions"""
        return {text for (text,) in connection.execute(sql).fetchall()}


def paths() -> list[str]:
    """Whatever the key may ask for, in several ways."""
    numbers = [path for method, path, scopes in SCOPES if method == "GET" and "metrics" in scopes]
    assert set(numbers) == set(QUERIES), "say here how it is asked"
    return [path.replace("{project_id}", "1") + query for path, queries in QUERIES.items() for query in queries]


def texts(value: Any) -> Iterator[str]:
    """All strings in an answer, but names of fields."""
    if isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def test_no_text_no_path_and_no_name_of_a_project_is_in_any_answer(api: Api, corpus: set[str]) -> None:
    assert len(corpus) > 60
    key = api.key("metrics")
    for path in paths():
        answer = api.get(key, path)
        assert answer.status_code == 200, path
        assert not any(text in answer.text for text in corpus if "/" in text or " " in text or "secret" in text), path
        if answer.headers["content-type"] == "application/json":
            assert corpus.isdisjoint(texts(answer.json())), path


def test_the_numbers_are_everybodys(api: Api, corpus: set[str]) -> None:
    def without_names(value: Any) -> Any:
        hidden = ("name", "path", "project_name", "file_path")
        if isinstance(value, dict):
            return {name: None if name in hidden else without_names(each) for name, each in value.items()}
        return [without_names(each) for each in value] if isinstance(value, list) else value

    numbers, everything = api.key("metrics"), api.key("read")
    # The age of the canary is another one by the time that the second asks.
    for path in paths():
        if path.startswith("/api/") and path != "/api/accounting":
            seen = api.get(everything, path).json()
            assert api.get(numbers, path).json() == without_names(seen), path
    stats = json.dumps(api.get(everything, "/api/projects/1/stats").json())
    assert "/home/dev/alpha" in stats


def test_with_read_too_nothing_is_hidden(api: Api, corpus: set[str]) -> None:
    assert api.get(api.key("metrics", "read"), "/api/projects/1/stats").json()["project"]["path"] == "/home/dev/alpha"
