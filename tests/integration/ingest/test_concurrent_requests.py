"""Hundreds of concurrent requests: each waits for a connection to Redis or Postgres and is answered as if alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.ingest.app import create_app
from services.ingest.settings import Settings
from tests.conftest import LOCAL

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
