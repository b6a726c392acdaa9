"""Errors of a request as such have the same error body, and hundreds of concurrent requests are each answered as if alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from services.ingest.app import create_app
from services.ingest.events.decode import MAX_BATCH_BYTES, MAX_SINGLE_BYTES
from services.ingest.settings import Settings
from tests.conftest import LOCAL
from tests.integration.ingest.conftest import Service, is_error

WRITES = ["/api/sessions/start", "/api/sessions/end", "/api/conversations", "/api/activities", "/api/tool-calls", "/api/events"]
JSON_ROUTES = [*WRITES, "/api/import/manifest"]


def test_a_wrong_media_type_is_415(service: Service, subtests: pytest.Subtests) -> None:
    wrong = [None, "text/plain", "application/xml", "multipart/form-data; boundary=x", "application/json; charset=latin-1"]
    for path, media_type in product(JSON_ROUTES, wrong):
        with subtests.test(path, media_type=media_type):
            answer = service.http.post(path, content=b"{}", headers={"content-type": media_type} if media_type else {})
            assert list(is_error(answer, 415, "UNSUPPORTED_MEDIA_TYPE")) == ["Content-Type"]


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.tracker+json"])
def test_variants_of_the_json_media_type_are_accepted(service: Service, media_type: str) -> None:
    answer = service.http.post("/api/conversations", content=b"{}", headers={"content-type": media_type})
    is_error(answer, 400, "VALIDATION_ERROR")


def test_ndjson_is_accepted_for_batches_only(service: Service) -> None:
    headers = {"content-type": "application/x-ndjson"}
    is_error(service.http.post("/api/conversations", content=b"{}", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert service.http.post("/api/events", content=b"", headers=headers).status_code == 200


def test_a_compressed_body_is_415(service: Service, subtests: pytest.Subtests) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    for path in [*JSON_ROUTES, "/api/import/claude-data"]:
        with subtests.test(path):
            is_error(service.http.post(path, content=b"{}", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    ("path", "limit"),
    [("/api/conversations", MAX_SINGLE_BYTES), ("/api/events", MAX_BATCH_BYTES), ("/api/import/manifest", MAX_BATCH_BYTES)],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_over_the_limit_is_413_declared_or_not(service: Service, path: str, limit: int, is_declared: bool) -> None:
    body = b" " * (limit + 1)
    content: Any = body if is_declared else (body[at : at + 65536] for at in range(0, len(body), 65536))
    answer = service.http.post(path, content=content, headers={"content-type": "application/json"})
    assert is_error(answer, 413, "PAYLOAD_TOO_LARGE") == {"max_bytes": limit}


@pytest.mark.parametrize("path", [*JSON_ROUTES, "/api/import/claude-data"])
def test_a_query_parameter_is_400(service: Service, path: str) -> None:
    answer = service.http.post(f"{path}?projct_id=1&x", json={})
    assert is_error(answer, 400, "VALIDATION_ERROR") == {"projct_id": "unknown query parameter", "x": "unknown query parameter"}


def test_an_unknown_path_is_404_and_a_wrong_method_405(service: Service) -> None:
    is_error(service.http.post("/api/nothing", json={}), 404, "NOT_FOUND")
    is_error(service.http.post("/api/conversations/", json={}), 404, "NOT_FOUND")
    answer = service.http.put("/api/conversations", json={})
    is_error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, POST"  # of the whole API: its reads are the query service's


@pytest.mark.parametrize("key", ["", "has space", "x" * 256])
def test_an_invalid_idempotency_key_is_400(service: Service, key: str) -> None:
    assert list(is_error(service.post("/api/conversations", {}, Idempotency_Key=key), 400, "VALIDATION_ERROR")) == ["Idempotency-Key"]


def test_a_wrong_method_has_the_common_error_body(service: Service) -> None:
    is_error(service.http.delete("/api/conversations"), 405, "METHOD_NOT_ALLOWED")
    assert service.http.head("/api/conversations").status_code == 405
    assert service.http.head("/healthz").status_code == 405


def test_a_refusal_is_logged_and_counted_by_route_code_and_request_id(service: Service) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = service.post("/api/conversations", {}, X_Request_ID="req-7")
    assert answer.headers["x-request-id"] == "req-7"
    [line] = [line for line in lines if line["event"] == "request_refused"]
    assert (line["request_id"], line["route"], line["status"], line["code"]) == ("req-7", "/api/conversations", 400, "VALIDATION_ERROR")
    text = service.http.get("/metrics").text
    assert 'tracker_http_requests_total{method="POST",route="/api/conversations",service="ingest",status="400"}' in text
    assert 'tracker_http_request_seconds_count{route="/api/conversations",service="ingest"}' in text


@pytest.mark.parametrize(
    "secret",
    [
        "ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6",
        "AKIAIOSFODNN7EXAMPLQ",
        "password=hunter22",
        "cct_KTUDkkJji7QP_" + "1lkz" * 10 + "fVF",
    ],
)
def test_a_request_id_that_is_a_secret_is_replaced_before_it_is_logged(service: Service, secret: str) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = service.post("/api/conversations", {}, X_Request_ID=secret)

    assert answer.headers["x-request-id"].isalnum()
    assert [line["event"] for line in lines] == ["request_refused"]
    assert secret not in str(lines)


def test_an_invalid_request_id_is_replaced(service: Service) -> None:
    for given_id in ("", "with space", "x" * 129):
        made = service.post("/api/conversations", {}, X_Request_ID=given_id).headers["x-request-id"]
        assert made not in ("", given_id)


def test_health_and_readiness_report_all_checks(service: Service) -> None:
    assert service.http.get("/healthz").json() == {"status": "ok"}
    assert service.http.get("/readyz").json() == {
        "status": "ready",
        "checks": dict.fromkeys(("queue", "database", "backlog", "uploads"), "ok"),
    }
    service.start("s-1")
    metrics = service.http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert 'tracker_events_accepted_total{type="session_start"}' in metrics.text


# More than a pool of redis-py has connections.
MANY = 250
EVENT = {"session_id": "s", "content": "hello", "role": "user"}
Ask = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


def at_once(settings: Settings, ask: Ask, many: int = MANY) -> Counter[tuple[int, str]]:
    """How often each (status, `code` or `status` of the body) was the answer to `ask`, called so many times at once."""

    async def story() -> Counter[tuple[int, str]]:
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=LOCAL, timeout=60) as client:
                started = await client.post("/api/sessions/start", json={"session_id": "s", "project_path": "/home/me/project"})
                assert started.status_code == 201
                answers = await asyncio.gather(*(ask(client, number) for number in range(many)))
        return Counter((answer.status_code, answer.json().get("code") or answer.json().get("status")) for answer in answers)

    return asyncio.run(story())


async def keyed_write(client: httpx.AsyncClient, _number: int) -> httpx.Response:
    return await client.post("/api/conversations", json=EVENT, headers={"Idempotency-Key": str(uuid4())})


async def start(client: httpx.AsyncClient, number: int) -> httpx.Response:
    return await client.post("/api/sessions/start", json={"session_id": f"s{number}", "project_path": "/home/me/project"})


async def write_to_an_unknown_session(client: httpx.AsyncClient, number: int) -> httpx.Response:
    return await client.post("/api/conversations", json=EVENT | {"session_id": f"nobody's {number}"})


@pytest.mark.parametrize(
    ("ask", "expected"),
    [(keyed_write, (201, "queued")), (start, (201, None)), (write_to_an_unknown_session, (404, "SESSION_NOT_FOUND"))],
)
def test_hundreds_of_concurrent_requests_are_answered_like_one(settings: Settings, ask: Ask, expected: tuple[int, Any]) -> None:
    assert at_once(settings, ask) == {expected: MANY}
