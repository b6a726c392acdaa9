"""The live feed of a key that is bound to users: what its users do, by any of their names, and nothing of others."""

from collections.abc import Iterator
from itertools import islice

import httpx2 as httpx
import psycopg
import pytest
from fastapi import FastAPI
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.settings import Settings
from tests.integration.keys.conftest import make_key
from tests.integration.query.live.live_stream import SECONDS, append, items, prompt, serving


@pytest.fixture
def served(redis_url: str, database_url: str, admin: str) -> Iterator[tuple[FastAPI, httpx.Client]]:
    with serving(Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL", access="keys")) as running:
        yield running


@pytest.mark.parametrize(
    ("rights", "expected"),
    [
        ({"user": "ann"}, ["of ann", "of ann before", "of ann in another project", "end"]),
        ({"users": ["ann", "carl"]}, ["of ann", "of ann before", "of carl", "of ann in another project", "end"]),
        ({"user": "ann", "projects": [1]}, ["of ann", "of ann before", "end"]),
    ],
)
def test_a_listener_sees_its_users_alone(
    served: tuple[FastAPI, httpx.Client], redis_url: str, database_url: str, rights: dict[str, object], expected: list[str]
) -> None:
    app, client = served
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO users (id, name, alias_of) VALUES (1, 'ann', NULL), (2, 'bob', NULL), (3, 'carl', NULL), (4, 'ann-before', 1)"
        )
    key = make_key(database_url, "read", **rights)  # type: ignore[arg-type]

    with Redis.from_url(redis_url) as redis, client.stream("GET", "/api/live", headers={"Authorization": f"Bearer {key}"}) as answer:
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        for content, user, project_id in (
            *(("of ann", "ann", 1), ("of bob", "bob", 1), ("of nobody", None, 1), ("of ann before", "ann-before", 1)),
            *(("of carl", "carl", 1), ("of ann in another project", "ann", 2), ("end", "ann", 1)),
        ):
            append(redis, prompt(content, user=user, project_id=project_id, session_id="s"))
        found = list(islice(told, len(expected)))

    assert [each.data["content"] for each in found] == expected


def test_a_lead_hears_numbers_of_all_without_texts(served: tuple[FastAPI, httpx.Client], redis_url: str, database_url: str) -> None:
    app, client = served
    key = make_key(database_url, "numbers", "read", users=["ann", "carl"])

    with Redis.from_url(redis_url) as redis, client.stream("GET", "/api/live", headers={"Authorization": f"Bearer {key}"}) as answer:
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        append(redis, prompt("of bob", user="bob", session_id="s"))
        [found] = islice(told, 1)

    assert found.data["user"] == "bob"
    assert "content" not in found.data
    assert "session_id" not in found.data
