"""Search in everything: filters that name nothing are hinted at, and sessions are named by the beginning of their id."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed

NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)
PATH = "/api/search"


@pytest.mark.parametrize(
    ("q", "hints"),
    [
        ("needle", []),
        ("nowhere", []),
        ("needle project:other kind:result", []),
        ("needle project:shopp", ["There is no project 'shopp'"]),
        ("needle user:anm", ["There is no user 'anm'"]),
        ("needle user:ann -user:anm is:error tool:read", []),
        ("needle tool:basch", ["No call of a tool 'basch'"]),
        ("needle session:01a2f8", ["There is no session that begins with '01a2f8'"]),
        ("needle project:x project:y user:z", ["There is no project 'x'", "There is no project 'y'", "There is no user 'z'"]),
        ("needle project:x project:other", []),
        ("needle -project:x", []),
    ],
)
def test_a_filter_that_names_nothing_is_hinted_at(
    client: TestClient, connection: psycopg.Connection[Any], q: str, hints: list[str]
) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/shop"), seed.add_user(connection, "ann"))
    seed.add_session(connection, "o", seed.add_project(connection, "/other"), seed.add_user(connection, "ben"))
    for session_id in ("s", "o"):
        seed.add_document(connection, session_id, NOON, "a needle")
    seed.add_tool_call(connection, "s", NOON, "Bash")
    seed.add_tool_call(connection, "s", NOON, "Read")
    seed.compute_aggregates(connection)

    found = client.get(PATH, params={"q": q}).json()["hints"]

    assert [hint[: len(start)] for hint, start in zip(found, hints, strict=True)] == hints


def test_a_session_is_named_by_the_beginning_of_its_id(client: TestClient, connection: psycopg.Connection[Any]) -> None:
    project = seed.add_project(connection, "/p")
    for session_id in ("48f165d5-1", "48f165d5-2", "48f165", "a%b_cd-1"):
        seed.add_session(connection, session_id, project)
        seed.add_document(connection, session_id, NOON, f"needle {session_id}")

    def found(beginning: str) -> set[str]:
        return {item["session_id"] for item in client.get(PATH, params={"q": f"needle session:{beginning}"}).json()["items"]}

    assert found("48f165d5-1") == {"48f165d5-1"}
    assert found("48f165") == {"48f165"}  # a whole id, and the beginning of others
    assert found("a%b_cd") == {"a%b_cd-1"}
    assert found("48f16") == found("A%B_CD") == found("______") == set()
    several = client.get(PATH, params={"q": "needle session:48f165d"})
    assert (several.status_code, several.json()["details"]["q"]) == (
        400, "session:48f165d is the beginning of several sessions; give more of its id",
    )  # fmt: skip
    assert client.get(PATH, params={"q": "session:a%b_cd"}).json()["interpreted"]["filters"] == {"session": "a%b_cd-1"}
