"""Waiting or slow clients take no capacity from others: four request slots and twenty slow clients."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest
from redis import Redis
from starlette.types import ASGIApp, Receive, Scope, Send

from services.ingest.app import create_app
from services.ingest.imports import uploads
from services.ingest.settings import Settings
from shared.http.server import BODY_ARRIVED
from shared.journal.streams import stream_key
from tests.conftest import LOCAL

ROOM, SLOW_ONES, WAITERS = 4, 20, 200
EVENT = {"session_id": "s", "content": "hello", "role": "user"}
FORM = {"content-type": "multipart/form-data; boundary=x"}
FORM_BEGIN = b'--x\r\nContent-Disposition: form-data; name="file"; filename="claude.json"\r\n\r\n'
JSON = {"content-type": "application/json"}
HANG_SECONDS = 60
Story = Callable[[httpx.AsyncClient], Awaitable[Any]]


def served(settings: Settings, story: Story, **limits: int) -> Any:
    """The story's results, told to a service with little room."""

    async def tell() -> Any:
        app = create_app(settings.model_copy(update={"max_requests": ROOM} | limits))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(marking_whole_bodies(app), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=LOCAL, timeout=HANG_SECONDS) as client:
                answer = await client.post("/api/sessions/start", json={"session_id": "s", "project_path": "/home/me/project"})
                assert answer.status_code == 201
                async with asyncio.timeout(HANG_SECONDS):
                    return await story(client)

    return asyncio.run(tell())


def marking_whole_bodies(app: ASGIApp) -> ASGIApp:
    """The app behind what the server does: it marks a request whose body has arrived. Only a slow body has no Content-Length here."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        if b"content-length" in dict(scope["headers"]):
            scope[BODY_ARRIVED] = True
        await app(scope, receive, send)

    return marked


async def drip(beginning: bytes, go_on: asyncio.Event, end: bytes, begun: list[int]) -> AsyncIterator[bytes]:
    """A body that does not end before `go_on`. `begun` grows by one when the service has read its beginning."""
    yield beginning
    begun.append(1)
    await go_on.wait()
    yield end


async def write(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post("/api/conversations", json=EVENT, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - what it waits for is in Redis
        await asyncio.sleep(0.01)


def outcome(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body.get("code") or body.get("status")


def test_waiting_requests_do_not_take_request_slots(settings: Settings) -> None:
    """given a stopped worker, when many wait for it, then other writes are accepted; when it goes on, then each waiter has its answer."""
    redis = Redis.from_url(settings.redis_url)

    async def story(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        waiting = []
        for number in range(SLOW_ONES):
            waiting.append(asyncio.create_task(write(client, Prefer="wait=30")))
            # With the start of the session.
            await until(lambda there=number + 2: redis.xlen(stream_key(0)) == there)  # type: ignore[misc]
        quick = [outcome(await write(client)) for _ in range(ROOM)]
        redis.delete(stream_key(0))
        answers = await asyncio.gather(*waiting)
        assert {outcome(answer) for answer in answers} == {(201, "duplicate")}
        assert {answer.headers["preference-applied"] for answer in answers} == {"wait=30"}
        return quick

    assert served(settings, story) == [(201, "queued")] * ROOM


def polls_of(redis: Redis) -> int:
    """How often ingest has asked Redis which entries are gone."""
    stats: Any = redis.info("commandstats")
    return int(stats.get("cmdstat_eval", {}).get("calls", 0))


def test_a_wait_above_the_limit_is_answered_queued_at_once(settings: Settings) -> None:
    redis = Redis.from_url(settings.redis_url)

    async def story(client: httpx.AsyncClient) -> httpx.Response:
        polls = polls_of(redis)
        waiting = asyncio.create_task(write(client, Prefer="wait=30"))
        # Its slot is one for waiting from the first poll on, not from the append on.
        await until(lambda: redis.xlen(stream_key(0)) == 2 and polls_of(redis) > polls)
        answer = await write(client, Prefer="wait=30")
        assert not waiting.done()
        redis.delete(stream_key(0))
        await waiting
        return answer

    answer = served(settings, story, max_waits=1)
    assert outcome(answer) == (201, "queued")
    assert "preference-applied" not in answer.headers


def test_one_poll_of_redis_serves_all_waiters(settings: Settings) -> None:
    """given many waiters, when a second passes, then Redis was asked less often than once for each."""
    redis = Redis.from_url(settings.redis_url)

    async def story(client: httpx.AsyncClient) -> int:
        waiting = [asyncio.create_task(write(client, Prefer="wait=30")) for _ in range(WAITERS)]
        # With the start of the session.
        await until(lambda: redis.xlen(stream_key(0)) == WAITERS + 1)
        before = polls_of(redis)
        await asyncio.sleep(1)
        questions = polls_of(redis) - before
        redis.delete(stream_key(0))
        await asyncio.gather(*waiting)
        return questions

    assert 0 < served(settings, story, max_requests=512) < WAITERS


@pytest.mark.parametrize(
    ("path", "headers", "beginning", "end", "expected"),
    [
        ("/api/conversations", JSON, json.dumps(EVENT).encode()[:10], json.dumps(EVENT).encode()[10:], (201, "queued")),
        ("/api/import/claude-data", FORM | {"Prefer": "respond-async"}, FORM_BEGIN, b'{"projects": {}}\r\n--x--\r\n', (202, "queued")),
    ],
    ids=["a JSON body", "an upload"],
)  # fmt: skip
def test_slow_bodies_do_not_take_request_slots(
    settings: Settings, path: str, headers: dict[str, str], beginning: bytes, end: bytes, expected: tuple[int, str]
) -> None:
    """when many bodies have begun, then other writes are accepted; when they end, then so are they."""

    async def story(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        go_on, begun = asyncio.Event(), list[int]()
        slow = [asyncio.create_task(client.post(path, content=drip(beginning, go_on, end, begun), headers=headers)) for _ in range(ROOM)]
        await until(lambda: len(begun) == ROOM)
        quick = [outcome(await write(client)) for _ in range(ROOM)]
        assert not any(task.done() for task in slow)
        go_on.set()
        assert {outcome(answer) for answer in await asyncio.gather(*slow)} == {expected}
        return quick

    assert served(settings, story) == [(201, "queued")] * ROOM


def test_the_oldest_slow_bodies_are_408_when_there_are_too_many(settings: Settings) -> None:
    """when more bodies have begun than may come at once, then the first ones are answered 408, and the last ones are taken."""

    async def story(client: httpx.AsyncClient) -> list[tuple[int, str]]:
        go_on, begun = asyncio.Event(), list[int]()
        text = json.dumps(EVENT).encode()
        slow = []
        for number in range(SLOW_ONES):
            body = drip(text[:10], go_on, text[10:], begun)
            slow.append(asyncio.create_task(client.post("/api/conversations", content=body, headers=JSON)))
            await until(lambda number=number: len(begun) == number + 1)  # type: ignore[misc]
        await until(lambda: sum(task.done() for task in slow) == SLOW_ONES - ROOM)
        go_on.set()
        return [outcome(answer) for answer in await asyncio.gather(*slow)]

    assert served(settings, story) == [(408, "REQUEST_TIMEOUT")] * (SLOW_ONES - ROOM) + [(201, "queued")] * ROOM


def test_an_upload_above_the_limit_is_refused_with_retry_after(settings: Settings) -> None:
    async def story(client: httpx.AsyncClient) -> httpx.Response:
        go_on, begun = asyncio.Event(), list[int]()
        body = drip(FORM_BEGIN, go_on, b'{"projects": {}}\r\n--x--\r\n', begun)
        first = asyncio.create_task(client.post("/api/import/claude-data", content=body, headers=FORM | {"Prefer": "respond-async"}))
        await until(lambda: bool(begun))
        refused = await client.post("/api/import/claude-data", files={"file": ("claude.json", b"{}")})
        assert outcome(await write(client)) == (201, "queued")
        go_on.set()
        assert (await first).status_code == 202
        return refused

    refused = served(settings, story, max_uploads=1)
    assert outcome(refused) == (503, "OVERLOADED")
    assert refused.headers["retry-after"] == "5"


def test_an_upload_below_the_minimum_rate_is_408(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """given a client that is never silent but sends a hundredth of the least pace, then it is told to stop; one that keeps to it is not."""
    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 2)

    async def pieces(size: int, number: int) -> AsyncIterator[bytes]:
        yield FORM_BEGIN + b'{"projects": {}, "x": "'
        for _ in range(number):
            await asyncio.sleep(0.05)
            yield b"x" * size
        yield b'"}\r\n--x--\r\n'

    async def story(client: httpx.AsyncClient) -> Counter[tuple[int, str]]:
        slow = client.post("/api/import/claude-data", content=pieces(8, 1_000), headers=FORM | {"Prefer": "respond-async"})
        steady = client.post("/api/import/claude-data", content=pieces(64 * 1024, 60), headers=FORM | {"Prefer": "respond-async"})
        return Counter(map(outcome, await asyncio.gather(slow, steady)))

    assert served(settings, story) == {(408, "REQUEST_TIMEOUT"): 1, (202, "queued"): 1}
