"""Every example of the API's description, sent to the running stack, is answered as the description says."""

from functools import partial
from typing import Any

import httpx2 as httpx
import pytest

from deploy.embedded.supervision.processes import wait_until
from deploy.openapi_components import resolved
from tests.flow.conftest import STOP_SECONDS, Stack
from tests.unit.api_document import API, OPERATIONS, is_allowed, parameters

# Sessions first: the other examples name this one, and its user is erased at last.
FIRST = "POST /api/sessions/start"
ERASE = "POST /api/erasures"
LIFT = "POST /api/tombstones/lift"
WRITES = sorted(
    (name for name, each in OPERATIONS.items() if "{" not in name and "application/json" in each.get("requestBody", {}).get("content", {})),
    key=lambda name: (name != FIRST, name in {ERASE, LIFT}, name),
)
# A stream without end.
LIVE = "GET /api/live"
READS = [name for name in OPERATIONS if name.startswith("GET ") and "{" not in name and name != LIVE]
# 404 before there is a transcript in the archive; tests/integration/ingest/imports/test_imports.py has it.
NEEDS_AN_ARCHIVE = {"POST /api/reparse"}


def answers_as_described(operation: dict[str, Any], answer: httpx.Response) -> bool:
    described = resolved(API, operation["responses"].get(str(answer.status_code), {})).get("content", {})
    if answer.status_code == 204:
        return not answer.content and not described
    if answer.headers["content-type"] != "application/json" or "application/json" not in described:
        return answer.headers["content-type"].split(";")[0] in described
    return is_allowed(described["application/json"]["schema"], answer.json(), formats=False)


def test_every_example_of_a_body_is_accepted(stack: Stack) -> None:
    project_id = None
    for name in [each for each in WRITES if each not in NEEDS_AN_ARCHIVE]:
        method, path = name.split()
        body = OPERATIONS[name]["requestBody"]["content"]["application/json"]["example"]
        if "project_id" in body:
            # Other tests on this stack have projects too.
            body = body | {"project_id": project_id}

        answer = stack.http.request(method, path, json=body)

        assert answer.is_success, (name, answer.text)
        assert answers_as_described(OPERATIONS[name], answer), (name, answer.text)
        if name == FIRST:
            # Others name its user and its project.
            project_id = _project_of(stack, body["session_id"], body["user"])
        if name == ERASE:
            # Then the user is let in again, by the last example. Until then no test on this stack can write for that user.
            assert wait_until(partial(_is_erased, stack, answer.json()["erasure_id"]), STOP_SECONDS)


def _project_of(stack: Stack, session_id: str, user: str) -> object:
    """The session's project, as soon as both it and the user are stored."""
    stored = f"SELECT project_id FROM sessions, users WHERE session_id = '{session_id}' AND name = '{user}'"
    assert wait_until(lambda: bool(stack.select(stored)), STOP_SECONDS)
    [(project_id,)] = stack.select(stored)
    return project_id


def _is_erased(stack: Stack, erasure: str) -> bool:
    return bool(stack.http.get(f"/api/erasures/{erasure}").json()["status"] == "succeeded")


@pytest.mark.parametrize("name", READS)
def test_every_example_of_a_read_is_answered(stack: Stack, name: str) -> None:
    path = name.removeprefix("GET ")
    known = parameters(OPERATIONS[name])
    examples = {each["name"]: each["schema"]["examples"][0] for each in known if each["schema"].get("examples")}
    required = {each["name"]: examples[each["name"]] for each in known if each["required"] and each["in"] == "query"}

    for query in [{}, examples, *({key: value} for key, value in examples.items())]:
        answer = stack.http.get(path, params=required | query)
        # Another test on this stack may have filled a window of the limits.
        assert answer.status_code == (429 if answer.headers.get("retry-after") and "need" in query else 200), (query, answer.text)
        assert answers_as_described(OPERATIONS[name], answer), (query, answer.text)


def test_every_example_of_the_live_feed_is_answered(stack: Stack) -> None:
    examples = {
        each["name"]: each["schema"]["examples"][0]
        for each in parameters(OPERATIONS[LIVE])
        if each["schema"].get("examples") and each["in"] == "query"
    }

    for query in [{}, examples, *({key: value} for key, value in examples.items())]:
        with stack.http.stream("GET", LIVE.removeprefix("GET "), params=query) as answer:
            assert answer.status_code == 200, query
            assert answers_as_described(OPERATIONS[LIVE], answer)
