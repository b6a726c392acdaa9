"""Lists as CSV and NDJSON: all items, in the order of the JSON pages, for every list and every key."""

import csv
import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.queries.lists import events
from services.query.settings import Settings
from tests.integration.query import seed, world
from tests.integration.served_app import rest, running
from tests.kept_connection import Connection

LISTS = [
    "/api/sessions", "/api/conversations", "/api/activities", "/api/tool-calls", "/api/conversations?session_id=session-1",
    "/api/activities?session_id=session-1", "/api/tool-calls?session_id=session-1", "/api/tool-calls/session/session-1", "/api/projects",
    "/api/users", "/api/machines", "/api/conversations/search?q=message", "/api/import/jobs", "/api/keys", "/api/audit", "/api/dead-letters",
]  # fmt: skip

# Reports, and the list of each that is a table.
REPORTS = {
    "/api/usage": "items",
    "/api/usage?group_by=user,month": "items",
    "/api/usage?group_by=project&model=claude-opus": "items",
    "/api/stats": "time_series",
    "/api/stats?interval=month&user=ada": "time_series",
    "/api/projects/1/stats": "time_series",
    "/api/tool-calls/stats": "tools",
    "/api/tool-calls/errors": "classes",
}


def with_parameters(path: str, parameters: str) -> str:
    return path + ("&" if "?" in path else "?") + parameters


def all_items(client: TestClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(with_parameters(path, "limit=1000")).json()
    items: list[dict[str, Any]] = answer if isinstance(answer, list) else answer["items"]
    return items


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.usefixtures("has_index")
@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_given_as_ndjson_and_csv(client: TestClient, connection: Connection, path: str) -> None:
    world.build(connection)
    items = all_items(client, path)

    lines = client.get(with_parameters(path, "format=ndjson"))
    cells = client.get(with_parameters(path, "format=csv"))

    assert (lines.status_code, cells.status_code) == (200, 200), lines.text
    assert [json.loads(line) for line in lines.text.splitlines()] == items
    rows = table(cells.text)
    assert len(rows) == len(items)
    for row, item in zip(rows, items, strict=True):
        # An object has a column for each of its members, as `decision.what`.
        assert {name.partition(".")[0] for name in row} >= item.keys()
        assert {name: row[name] for name, value in item.items() if isinstance(value, int) and not isinstance(value, bool)} == {
            name: str(value) for name, value in item.items() if isinstance(value, int) and not isinstance(value, bool)
        }


@pytest.mark.parametrize(("path", "rows"), REPORTS.items())
def test_one_list_of_a_report_is_given_as_ndjson_and_csv(new_client: TestClient, connection: Connection, path: str, rows: str) -> None:
    made = world.build(connection)
    path = path.replace("/projects/1/", f"/projects/{made.projects[0]}/")
    items = new_client.get(path).json()[rows]

    lines = new_client.get(path, headers={"Accept": "application/x-ndjson"})
    cells = new_client.get(with_parameters(path, "format=csv"))

    assert (lines.status_code, cells.status_code) == (200, 200), cells.text
    assert lines.headers["x-data-as-of"] == cells.headers["x-data-as-of"] == new_client.get(path).headers["x-data-as-of"]
    assert [json.loads(line) for line in lines.text.splitlines()] == items != []
    table_rows = table(cells.text)
    assert [row.keys() for row in table_rows] == [item.keys() for item in items]
    for row, item in zip(table_rows, items, strict=True):
        assert {name: row[name] for name, value in item.items() if isinstance(value, int | float)} == {
            name: str(value) for name, value in item.items() if isinstance(value, int | float)
        }


@pytest.mark.parametrize(
    ("group_by", "first_columns"),
    [
        ("day", ["day"]),
        ("user,month", ["month", "user"]),
        ("session", ["session_id", "session_title"]),
        ("machine", ["machine_id", "machine"]),
        ("project,model", ["model", "project_id", "project_name"]),
    ],
)
def test_a_table_of_usage_begins_with_what_tells_its_rows_apart(
    client: TestClient, connection: Connection, group_by: str, first_columns: list[str]
) -> None:
    def header(query: str = "") -> list[str]:
        return client.get(f"/api/usage?format=csv&group_by={group_by}{query}").text.splitlines()[0].split(",")

    assert header()[: len(first_columns)] == first_columns  # without a row
    world.build(connection)
    assert header()[: len(first_columns)] == first_columns
    assert header("&user=nobody")[: len(first_columns)] == first_columns


def test_a_table_of_a_report_has_a_name_and_failures_their_status(client: TestClient) -> None:
    answer = client.get("/api/tool-calls/stats?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="tool-calls-stats.csv"'
    assert client.head("/api/usage?format=csv").headers["content-type"] == "text/csv; charset=utf-8"
    assert client.get("/api/usage?format=xml").status_code == 400
    assert client.get("/api/usage?format=csv&group_by=moon").json()["code"] == "VALIDATION_ERROR"
    assert client.get("/api/projects/4711/stats?format=csv").json()["code"] == "PROJECT_NOT_FOUND"


def test_accept_chooses_the_format_and_the_parameter_wins(client: TestClient, connection: Connection) -> None:
    world.build(connection)

    def kind(accept: str, query: str = "") -> str:
        answer = client.get(f"/api/sessions{query}", headers={"Accept": accept})
        assert answer.status_code == 200
        return answer.headers["content-type"].partition(";")[0]

    assert kind("text/csv") == "text/csv"
    assert kind("application/x-ndjson") == kind("application/ndjson") == "application/x-ndjson"
    assert kind("application/json, text/csv") == kind("text/csv, application/json") == "application/json"
    assert kind("application/json;q=0.5, text/csv; q=0.9") == "text/csv"
    assert kind("text/csv;q=0, application/x-ndjson;q=0.1") == "application/x-ndjson"
    assert kind("text/html,*/*;q=0.8") == kind("image/png") == "application/json"
    assert kind("text/csv", "?format=ndjson") == "application/x-ndjson"
    assert client.get("/api/sessions?format=xml").status_code == 400


def test_a_file_has_a_name_and_says_up_to_when_it_is_complete(client: TestClient, connection: Connection) -> None:
    world.build(connection)
    answer = client.get("/api/tool-calls/session/session-1?format=csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="tool-calls-session.csv"'
    assert answer.headers["vary"] == "Accept"
    assert client.get("/api/sessions?format=ndjson").headers["content-disposition"] == 'attachment; filename="sessions.ndjson"'
    head = client.head("/api/sessions?format=csv")
    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", "text/csv; charset=utf-8")
    assert "content-length" not in head.headers  # nobody knows it


def test_a_stream_has_every_row_or_up_to_its_limit(client: TestClient, connection: Connection) -> None:
    seed.add_project(connection, "/p")
    seed.add_session(connection, "s", 1)
    connection.execute(
        """INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, occurred_at, received_at)
        SELECT gen_random_uuid(), 's', 1, 0, 'Bash', 'success', '2026-01-01'::timestamptz + n / 2 * interval '1 second', now()
        FROM generate_series(1, 2345) AS n"""
    )
    for query, expected in (("", 2345), ("&limit=1500", 1500), ("&limit=7", 7), ("&limit=9999", 2345)):
        rows = table(client.get(f"/api/tool-calls?format=csv{query}").text)
        assert len({row["id"] for row in rows}) == len(rows) == expected
    page = client.get("/api/tool-calls?limit=1000").json()
    rest_of_them = table(client.get("/api/tool-calls", params={"format": "csv", "cursor": page["next_cursor"]}).text)
    assert len(rest_of_them) == 1345
    assert not {row["id"] for row in rest_of_them} & {item["id"] for item in page["items"]}


def test_json_pages_keep_their_limit(client: TestClient) -> None:
    answer = client.get("/api/sessions?limit=1001")
    assert (answer.status_code, answer.json()["message"]) == (400, "limit: Input should be less than or equal to 1000")
    assert client.get("/api/sessions?limit=0&format=csv").status_code == 400


def test_failures_before_the_first_row_have_their_status(client: TestClient) -> None:
    missing = client.get("/api/tool-calls/session/nobody?format=csv")
    assert (missing.status_code, missing.json()["code"]) == (404, "SESSION_NOT_FOUND")
    assert client.get("/api/sessions?format=csv&cursor=x").json()["code"] == "INVALID_CURSOR"


@pytest.fixture
def many_calls(connection: Connection) -> None:
    seed.add_project(connection, "/p")
    seed.add_session(connection, "s", 1)
    connection.execute(
        """INSERT INTO tool_calls (id, session_id, project_id, user_id, tool_name, status, occurred_at, received_at)
        SELECT gen_random_uuid(), 's', 1, 0, 'Bash', 'success', '2026-01-01', now() FROM generate_series(1, 3000)"""
    )


@pytest.fixture
def failing_third_page(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    calls = 0
    whole = events.tool_calls

    def tool_calls(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise psycopg.OperationalError("the database went away")
        return whole(*arguments, **options)

    monkeypatch.setattr(events, "tool_calls", tool_calls)
    return


@pytest.mark.usefixtures("many_calls", "failing_third_page")
def test_a_failure_in_the_middle_does_not_look_like_a_complete_file(query_settings: Settings) -> None:
    with running(create_app(query_settings)) as address, socket.create_connection(address, 60) as client:
        client.sendall(b"GET /api/tool-calls?format=csv HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = rest(client)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"Bash") == 2000
    # Chunks end with an empty one; here the connection ends without it.
    assert b"\r\n0\r\n\r\n" not in answer
