"""Query parameters: what is refused, and with which message."""

import pytest
from starlette.testclient import TestClient


def test_a_too_long_text_is_reported_in_characters(client: TestClient) -> None:
    answer = client.get("/api/conversations", params={"session_id": "x" * 201})
    assert answer.json()["message"] == "session_id: must have at most 200 characters, this has 201"
    assert client.get("/api/conversations?session_id=").json()["message"] == "session_id: must have at least 1 character"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/api/tool-calls/session/s?Limit=1",
            "Limit: is not a parameter of this path; it takes limit, cursor, format, include_result",
        ),
        ("/api/sessions?project_id=1&project_id=2", "project_id: is given more than once; give it once"),
        ("/api/usage?user=ann&group_by=day&user=bob", "user: is given more than once; give it once"),
    ],
)
def test_a_parameter_without_effect_is_refused(client: TestClient, path: str, message: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_a_wrong_value_is_answered_with_the_allowed_ones(client: TestClient) -> None:
    assert client.get("/api/sessions?status=closed").json()["message"] == "status: Input should be 'open' or 'ended'"
