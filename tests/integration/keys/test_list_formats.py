"""CSV and NDJSON show a key what its JSON shows it: its projects only, and no texts if it may see only numbers."""

import csv
import io
import json

import psycopg
import pytest

from tests.integration.keys.conftest import Api
from tests.integration.query import world

LISTS = ["/api/sessions", "/api/conversations", "/api/activities", "/api/tool-calls", "/api/users"]


@pytest.fixture
def projects(database_url: str) -> list[int]:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        return world.build(connection).projects


@pytest.mark.parametrize("path", LISTS)
def test_a_key_of_one_project_gets_the_rows_of_this_project(api: Api, projects: list[int], path: str) -> None:
    key = api.key("read", projects=[projects[0]])
    items = api.get(key, f"{path}?limit=1000").json()["items"]

    lines = api.get(key, f"{path}?format=ndjson").text.splitlines()
    rows = list(csv.DictReader(io.StringIO(api.get(key, f"{path}?format=csv").text, newline="")))

    assert [json.loads(line) for line in lines] == items
    assert len(rows) == len(items) > 0
    assert {row.get("project_id", str(projects[0])) for row in rows} == {str(projects[0])}


@pytest.mark.parametrize("path", ["/api/projects", "/api/machines"])
def test_a_key_that_sees_numbers_gets_the_same_columns_without_texts(api: Api, projects: list[int], path: str) -> None:
    numbers, read = api.key("numbers"), api.key("read")
    answer = api.get(numbers, path).json()
    items = answer if isinstance(answer, list) else answer["items"]

    lines = api.get(numbers, f"{path}?format=ndjson").text.splitlines()
    cells = api.get(numbers, f"{path}?format=csv").text

    assert [json.loads(line) for line in lines] == items
    assert cells.splitlines()[0] == api.get(read, f"{path}?format=csv").text.splitlines()[0]
    assert "/home/dev" not in cells
    assert api.get(numbers, "/api/sessions?format=csv").status_code == 403


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("/api/usage?group_by=session", "items"),
        ("/api/usage?group_by=project", "items"),
        ("/api/stats?interval=month", "time_series"),
        ("/api/tool-calls/stats?interval=month", "tools"),
    ],
)
def test_a_report_as_a_table_shows_a_key_what_its_json_shows(api: Api, projects: list[int], path: str, rows: str) -> None:
    for key in (api.key("metrics"), api.key("numbers"), api.key("read", projects=[projects[0]])):
        items = api.get(key, path).json()[rows]
        assert [json.loads(line) for line in api.get(key, f"{path}&format=ndjson").text.splitlines()] == items != []
        cells = list(csv.DictReader(io.StringIO(api.get(key, f"{path}&format=csv").text, newline="")))
        assert [row.keys() for row in cells] == [item.keys() for item in items]
    for texts in ("session-1", "/home/dev"):
        assert texts not in api.get(api.key("metrics"), f"{path}&format=csv").text


def test_a_key_of_one_project_exports_the_sessions_of_this_project(api: Api, projects: list[int]) -> None:
    key, read = api.key("read", projects=[projects[0]]), api.key("read")
    for session in api.get(read, "/api/sessions?limit=1000").json()["items"]:
        path = f"/api/sessions/{session['session_id']}/export"
        assert api.get(read, path).status_code == 200
        assert api.get(key, path).status_code == (200 if session["project_id"] == projects[0] else 404)
    assert api.get(api.key("numbers"), path).status_code == 403
