"""What made a number: the rows of each source add up to it, and the lists that are named show them."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import UUID, uuid4

import pytest
from psycopg import Connection
from starlette.testclient import TestClient

from services.query.answers.explain import Measure
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import ApiCall, FileChange, Message, Record, SessionFacts, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear, prepare_connection
from shared.events.messages import Conversation, Event, ToolCall, Usage
from tests.json_answers import json_of

Json = dict[str, Any]
AT = datetime(2026, 3, 6, 12, tzinfo=UTC)
LATER = AT + timedelta(days=3)
GAP = timedelta(minutes=5)
MEASURES = get_args(Measure)


def imported(session_id: str, user: str, at: datetime) -> list[Record]:
    of_session: Json = {"session_id": session_id, "source": "transcript", "timestamp": at}
    return [
        SessionFacts(
            id=uuid4(), session_id=session_id, source="transcript", project_path="/p", user=user, started_at=at, ended_at=at + GAP,
            active_ranges=[(at, at + GAP)],
        ),
        Message(id=uuid4(), role="user", content="go", user=user, **of_session),
        ToolUse(id=uuid4(), tool_name="Bash", status="success", user=user, **of_session),
        ToolUse(id=uuid4(), tool_name="Bash", status="error", user=user, **of_session),
        ToolUse(id=uuid4(), tool_name="Bash", status="timeout", user=user, **of_session),
        FileChange(id=uuid4(), file_path="/p/a", action="modified", lines_added=5, lines_removed=2, **of_session),
        ApiCall(id=uuid4(), model="claude-opus-4-6", input_tokens=3, output_tokens=40, cache_read_tokens=7, cache_write_5m_tokens=9, **of_session),
        ApiCall(id=uuid4(), model="nobody-knows", input_tokens=1, output_tokens=2, **of_session),
    ]  # fmt: skip


def store(connection: Connection[Any], batch: list[Record] | list[Event], job_number: int = 0) -> None:
    with connection.transaction():
        persist(connection, [ReceivedEvent(each, AT, "test", "1-1") for each in batch], idle_gap=GAP, job_number=job_number)
        clear(connection)


@pytest.fixture(scope="module")
def client(kept_connection: Connection[Any], kept_client: TestClient) -> TestClient:
    """Sessions of two people: from transcripts, from a client, and of one only what claude.json says."""
    prepare_connection(kept_connection)
    only_totals = SessionFacts(
        id=uuid4(), session_id="totals", source="claude.json", project_path="/p", user="ann", ended_at=AT, cost_nano_usd=2_000_000_000,
        input_tokens=11, output_tokens=12, lines_added=13,
    )  # fmt: skip
    store(kept_connection, [*imported("a", "ann", AT), *imported("b", "bob", LATER), only_totals], job_number=1)
    said: list[Event] = [
        Conversation(
            id=UUID(int=1),
            session_id="a",
            role="assistant",
            content="x",
            timestamp=AT,
            model="claude-opus-4-6",
            usage=Usage(input_tokens=5),
        ),
        ToolCall(id=UUID(int=2), session_id="a", tool_name="Read", result_status="success", timestamp=AT),
    ]
    store(kept_connection, said)
    return kept_client


@pytest.mark.parametrize(
    "filters", ["", "&user=ann", "&start_date=2026-03-09&end_date=2026-03-09&tz=UTC", "&project_id=999", "&machine=none"]
)
@pytest.mark.parametrize("measure", MEASURES)
def test_rows_of_all_sources_add_up_to_the_number(client: TestClient, measure: str, filters: str) -> None:
    usage = json_of(client, f"/api/usage?group_by=user{filters}")["totals"][measure]

    found = json_of(client, f"/api/explain?measure={measure}{filters}")

    assert found["value"] == usage
    assert sum(each["value"] for each in found["sources"]) == pytest.approx(usage or 0)
    assert sum(each["rows"] for each in found["sources"]) == found["rows"]
    assert found["dropped"] == 0


@pytest.mark.parametrize(
    ("measure", "sources"),
    [
        ("messages", {("messages", "transcript"): 2, ("messages", None): 1}),
        ("tool_errors", {("tool_calls", "transcript"): 4}),
        ("lines_added", {("activities", "transcript"): 2, ("sessions", "claude.json"): 1}),
        ("cost_usd", {("api_calls", "transcript"): 2, ("api_calls", None): 1, ("sessions", "claude.json"): 1}),
        ("unpriced_calls", {("api_calls", "transcript"): 2}),
    ],
)
def test_sources_are_told_with_their_rows(client: TestClient, measure: str, sources: dict[tuple[str, str | None], int]) -> None:
    found = json_of(client, f"/api/explain?measure={measure}")

    assert {(each["rows_of"], each["source"]): each["rows"] for each in found["sources"]} == sources


@pytest.mark.parametrize("measure", MEASURES)
def test_named_lists_show_the_rows(client: TestClient, measure: str) -> None:
    found = json_of(client, f"/api/explain?measure={measure}&user=ann&start_date=2026-03-06&end_date=2026-03-06&tz=UTC")

    lists = [json_of(client, each["address"]) for each in found["lists"]]

    assert lists
    of_rows = [
        each["items"]
        for each, told in zip(lists, found["lists"], strict=True)
        if "usage" not in told["address"] and "reconcile" not in told["address"]
    ]
    if of_rows:
        own = [each["rows"] for each in found["sources"] if each["rows_of"] != "sessions" or measure == "sessions"]
        assert sum(map(len, of_rows)) == sum(own)


def test_number_that_is_not_known_is_a_400(client: TestClient) -> None:
    assert client.get("/api/explain?measure=hopes").status_code == 400
    assert client.get("/api/explain").status_code == 400


def test_rows_that_retention_dropped_are_told_as_dropped(client: TestClient, kept_connection: Connection[Any]) -> None:
    # Given that bob's calls are gone, and their sums are kept
    kept = kept_connection.execute("SELECT * FROM tool_calls WHERE session_id = 'b'").fetchall()
    kept_connection.execute("CREATE TABLE kept_calls AS SELECT * FROM tool_calls WHERE session_id = 'b'")
    kept_connection.execute("DELETE FROM tool_calls WHERE session_id = 'b'")
    try:
        found = json_of(client, "/api/explain?measure=tool_calls&user=bob")
    finally:
        kept_connection.execute("INSERT INTO tool_calls SELECT * FROM kept_calls")
        kept_connection.execute("DROP TABLE kept_calls")

    assert (found["value"], found["rows"], found["sources"], found["dropped"]) == (len(kept), 0, [], len(kept))
