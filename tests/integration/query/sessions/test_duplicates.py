"""Why a row was left out: the stored row, what brought it, which sessions claim it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from starlette.testclient import TestClient

from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from shared.claude_formats.tool_results import tool_call_id
from shared.events.messages import ToolCall
from tests.json_answers import json_of
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, START, answer, prompt, result, text, use

Json = dict[str, Any]
Import = Callable[..., None]
Connection = psycopg.Connection[Any]

ROWS = [prompt(0, "u1", "go"), answer(1, "a1", "msg_1", text("Yes."), use("toolu_1")), result(2, "u2", "toolu_1")]


def asked(client: TestClient, name: str, query: str = "") -> Json:
    return json_of(client, f"/api/duplicates/{name}?{query}")


@pytest.mark.parametrize(
    ("name", "query", "table"),
    [("toolu_1", "", "tool_calls"), ("u1", "", "messages"), ("msg_1", "", "messages"), ("msg_1", "request_id=req_msg_1", "api_calls")],
)
def test_rows_are_found_by_the_keys_of_a_transcript(client: TestClient, bring: Import, name: str, query: str, table: str) -> None:
    bring(*ROWS)

    found = asked(client, name, query)

    row = next(each for each in found["rows"] if each["table"] == table)
    assert (row["session_id"], row["claims"], row["explanation"].split(". ")[0]) == (SESSION, [], "One job brought it")
    assert asked(client, row["id"])["rows"] == [row]


def test_copied_row_names_the_session_that_it_counts_for(client: TestClient, bring: Import, connection: Connection) -> None:
    jobs = [uuid4(), uuid4()]
    for number, job in enumerate(jobs, 1):
        connection.execute(
            "INSERT INTO import_jobs (id, number, kind, status, files) OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'import', 'succeeded', '[]')",
            (job, number),
        )
    bring(*ROWS)
    bring(*(each | {"sessionId": "f-fork"} for each in ROWS), prompt(60, "u9", "on", sessionId="f-fork"))

    [row] = asked(client, "toolu_1")["rows"]

    assert row["claims"] == [{"session_id": SESSION, "counts": True}, {"session_id": "f-fork", "counts": False}]
    assert row["explanation"].endswith(f"counts once, for the session that had it first: {SESSION}.")
    assert row["brought_by"] == [{"kind": "import", "job_id": str(job)} for job in jobs]


def test_clients_version_stays_beside_a_files(client: TestClient, bring: Import, connection: Connection) -> None:
    # Given a tool call that a client sent under the id that a transcript gives it
    call_id = tool_call_id("toolu_1")
    call = ToolCall(id=call_id, session_id=SESSION, tool_name="Bash", result_status="success", timestamp=START + timedelta(seconds=1))
    bring()
    with connection.transaction():
        persist(connection, [ReceivedEvent(call, START, "test", "1-1")], idle_gap=IDLE_GAP)
        clear(connection)
    assert asked(client, str(call_id))["rows"][0]["key"] == "the id that the client sent"

    bring(*ROWS)

    [row] = asked(client, "toolu_1")["rows"]
    assert [each["kind"] for each in row["brought_by"]] == ["client", "other"]
    assert row["explanation"] == "A client sent it, and a file has it too. The client's version stays, and the file's was left out."


def test_event_that_was_refused_is_no_duplicate(client: TestClient, connection: Connection) -> None:
    event_id = UUID(int=7)
    connection.execute(
        "INSERT INTO dead_letters (id, event_id, kind, reason, payload, journal_entry_id) VALUES (gen_random_uuid(), %s, 'event', 'ID_CONFLICT', '', '1-1')",
        (event_id,),
    )

    assert (asked(client, str(event_id))["rows"], asked(client, str(event_id))["refused_events"]) == ([], 1)


def test_unknown_key_is_a_404(client: TestClient) -> None:
    assert client.get("/api/duplicates/toolu_none").status_code == 404
