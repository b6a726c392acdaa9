"""One tool call, whole, and all of what it gave back, from the archive."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from services.query.queries.lists.paging import PAGE_BYTES
from services.worker.persist.derived_values.cut_results import ALL, result_of
from shared.blobs.contents import ContentStore
from shared.claude_formats.tool_results import ResultText, tool_call_id
from tests.integration.query import seed
from tests.kept_connection import Connection
from tests.stored_transcripts import add_file
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, agent_progress, answer, jsonl, result, use

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
TOOL_USE = "toolu_01Wanted"
LONG = "".join(random.Random(7).choices("größe 日本\n", k=60_000))
SHORT_LINES = jsonl(*(result(n, f"u{n}", f"toolu_{n}", "x" * 300) for n in range(8_000)))


@pytest.fixture
def client(archive_client: TestClient) -> TestClient:
    return archive_client


@pytest.fixture
def call(connection: Connection) -> UUID:
    """A call whose result is cut."""
    return add_call(connection)


def add_call(connection: Connection, **columns: Any) -> UUID:
    seed.add_session(connection, SESSION, seed.add_project(connection, "/home/ann/shop"))
    kept = result_of(ResultText(LONG, []), ALL)
    stored = {"result": kept.text, "result_left_out": kept.left_out, "result_cut_at": kept.cut_at, "parameters": '{"command": "ls"}'}
    found = seed.add_tool_call(connection, SESSION, NOON, **(stored | columns))
    connection.execute("UPDATE tool_calls SET id = %s WHERE id = %s", (tool_call_id(TOOL_USE), found))
    return tool_call_id(TOOL_USE)


def test_a_call_is_shown_whole_with_the_changes_that_it_made(client: TestClient, connection: Connection, call: UUID) -> None:
    seed.add_activity(connection, SESSION, NOON, "/home/ann/shop/a.py", tool_call_id=call, patch="@@ -1 +1 @@\n-a\n+b", patch_left_out=3)
    seed.add_activity(connection, SESSION, NOON, "/home/ann/shop/other.py", tool_call_id=uuid4())

    shown = client.get(f"/api/tool-calls/{call}").json()

    assert (shown["id"], shown["parameters"]) == (str(call), {"command": "ls"})
    left_out, cut_at = shown["result"]["left_out_characters"], shown["result"]["cut_at_character"]
    assert LONG[:cut_at] + LONG[cut_at + left_out :] == shown["result"]["text"]
    [change] = shown["changes"]
    assert (change["file_path"], change["patch"], change["patch_left_out_lines"]) == ("/home/ann/shop/a.py", "@@ -1 +1 @@\n-a\n+b", 3)
    [in_list] = client.get("/api/tool-calls?include_result=true").json()["items"]
    assert shown == in_list | {"changes": shown["changes"], "telemetry": shown["telemetry"]}


WANTED = result(9, "w", TOOL_USE, LONG)
AS_AGENTS = agent_progress(WANTED, "p1")
IN_PIECES = [{"type": "text", "text": LONG[:30_000]}, {"type": "text", "text": LONG[30_000:]}]


@pytest.mark.parametrize("archived", [0, 1, None], ids=["ranges", "both", "segments"])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (lambda: SHORT_LINES + jsonl(answer(8, "a", "m", use(TOOL_USE)), WANTED) + SHORT_LINES, LONG),
        (lambda: SHORT_LINES + jsonl(AS_AGENTS), LONG),
        (lambda: jsonl(result(9, "w", TOOL_USE, IN_PIECES)), f"{LONG[:30_000]}\n{LONG[30_000:]}"),
        (lambda: jsonl(result(9, "w", TOOL_USE, "\x1b[31m" + LONG)), LONG),
        (lambda: jsonl(result(1, "v", "toolu_0", f'"tool_use_id":"{TOOL_USE}"'), WANTED), LONG),
        (lambda: jsonl(WANTED).replace(b"\n", b" ") + jsonl(result(9, "w", "toolu_0", "x")), LONG),
    ],
    ids=["among others", "in its parent's file", "blocks", "colours", "quoted", "two on a line"],
)
def test_all_of_a_result_is_read_from_the_archive(
    client: TestClient,
    connection: Connection,
    archive: ContentStore,
    call: UUID,
    lines: Callable[[], bytes],
    expected: str,
    archived: Any,
) -> None:
    content = lines()
    bound = None if archived is None else archived * (content.rfind(b"\n", 0, len(content) // 2) + 1)
    add_file(connection, archive, SESSION, content, archived=bound)

    answer = client.get(f"/api/tool-calls/{call}/result")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == expected
    assert int(answer.headers["content-length"]) == len(expected.encode())
    assert client.head(f"/api/tool-calls/{call}/result").headers["content-length"] == answer.headers["content-length"]


def test_a_subagents_result_and_one_of_an_older_version_are_found(
    client: TestClient, connection: Connection, archive: ContentStore
) -> None:
    call = add_call(connection, agent_id="a1b2c3d")
    add_file(connection, archive, SESSION, SHORT_LINES, generation=1)
    add_file(connection, archive, SESSION, SHORT_LINES, file_name="subagents/agent-a1b2c3d.jsonl", generation=1)
    add_file(connection, archive, SESSION, jsonl(WANTED), file_name="subagents/agent-a1b2c3d.jsonl", generation=0)

    assert client.get(f"/api/tool-calls/{call}/result").text == LONG


def test_a_result_that_is_not_cut_needs_no_archive(client: TestClient, connection: Connection) -> None:
    call = add_call(connection, result="12 passed", result_left_out=None, result_cut_at=None)

    assert client.get(f"/api/tool-calls/{call}/result").text == "12 passed"


def test_what_is_not_there_is_said_in_words(
    client: TestClient, connection: Connection, archive: ContentStore, call: UUID, tmp_path: Path
) -> None:
    def code(path: str) -> tuple[int, str]:
        answer = client.get(path)
        return answer.status_code, answer.json()["code"]

    assert code(f"/api/tool-calls/{uuid4()}") == (404, "TOOL_CALL_NOT_FOUND")
    assert code(f"/api/tool-calls/{uuid4()}/result") == (404, "TOOL_CALL_NOT_FOUND")
    assert code(f"/api/tool-calls/{call}/result") == (404, "RESULT_NOT_STORED")
    add_file(connection, archive, SESSION, SHORT_LINES)
    assert code(f"/api/tool-calls/{call}/result") == (404, "RESULT_NOT_STORED")
    assert code(f"/api/tool-calls/{call}?x=1") == (400, "VALIDATION_ERROR")
    add_file(connection, archive, SESSION, jsonl(WANTED), file_name="x.jsonl")
    for path in tmp_path.rglob("archive/**/*"):
        if path.is_file():
            path.unlink()
    assert code(f"/api/tool-calls/{call}/result")[0] == 410


@pytest.mark.parametrize("path", ["stats", f"session/{SESSION}", "nothing"])
def test_other_paths_stay_what_they_are(client: TestClient, call: UUID, path: str) -> None:
    assert client.get(f"/api/tool-calls/{path}").status_code == (400 if path == "nothing" else 200)


def test_json_lines_are_found_whatever_their_spaces(client: TestClient, connection: Connection, archive: ContentStore, call: UUID) -> None:
    add_file(connection, archive, SESSION, json.dumps(WANTED, separators=(" , ", " : ")).encode() + b"\n")

    assert client.get(f"/api/tool-calls/{call}/result").text == LONG


MEDIA = [{"type": "image/png", "bytes": 100}]
LISTS = ["/api/tool-calls", "/api/tool-calls/session/s"]


@pytest.fixture
def cut_call(connection: Connection) -> str:
    """A call with a result from which 7 characters were left out."""
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    stored = {"result": "begend", "result_left_out": 7, "result_cut_at": 3, "result_media": psycopg.types.json.Json(MEDIA)}
    return str(seed.add_tool_call(connection, "s", NOON, **stored))


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_results_only_if_they_are_asked_for(client: TestClient, cut_call: str, path: str) -> None:
    [without] = client.get(path).json()["items"]
    [with_result] = client.get(f"{path}?include_result=true").json()["items"]

    assert "result" not in without
    assert with_result == without | {"result": {"text": "begend", "left_out_characters": 7, "cut_at_character": 3, "media": MEDIA}}


def test_a_call_without_a_result_has_null(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    seed.add_tool_call(connection, "s", NOON)

    [call] = client.get("/api/tool-calls?include_result=true").json()["items"]

    assert call["result"] is None


def test_pages_with_long_results_are_bounded_and_every_call_is_shown_once(client: TestClient, connection: Connection) -> None:
    """given calls with results of a megabyte, then a page ends at eight, a cursor leads on, and it fits lists without results too."""
    seed.add_session(connection, "s", seed.add_project(connection, "/home/ann/shop"))
    made = {str(seed.add_tool_call(connection, "s", NOON + timedelta(seconds=n), result="x" * 1024**2)) for n in range(20)}

    first = client.get("/api/tool-calls?include_result=true&limit=1000").json()
    rest = client.get(f"/api/tool-calls?limit=1000&cursor={first['next_cursor']}").json()

    assert 4 < len(first["items"]) <= PAGE_BYTES // 1024**2
    assert [item["id"] for item in first["items"] + rest["items"]] == list(
        dict.fromkeys(item["id"] for item in first["items"] + rest["items"])
    )
    assert {item["id"] for item in first["items"] + rest["items"]} == made
    assert rest["next_cursor"] is None
