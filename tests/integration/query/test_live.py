"""GET /api/live: what the worker tells arrives at every listener that may see it, once and in order, whatever the others do."""

from collections.abc import Iterator
from itertools import islice

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.settings import Settings
from tests.integration.query.live_stream import SECONDS, append, events, prompt, serving


@pytest.fixture
def served(query_settings: Settings) -> Iterator[tuple[FastAPI, httpx.Client]]:
    with serving(query_settings) as running:
        yield running


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


def test_what_is_told_arrives(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    app, client = served
    append(redis, prompt("before"))

    with client.stream("GET", "/api/live") as answer:
        told = events(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        append(redis, prompt("one"), prompt("two"))
        append(redis, prompt("three"))
        found = list(islice(told, 3))

    assert [each.data["content"] for each in found] == ["one", "two", "three"]
    assert {each.name for each in found} == {"prompt"}
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert wait_until(lambda: app.state.live.listeners == 0, SECONDS)
