"""What keys see of the live feed, and that a revoked key sees nothing any more."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.settings import Settings
from shared.auth.keys import digest_of, id_of, new_key
from shared.feed import FeedItem
from tests.integration.keys.conftest import make_key
from tests.integration.query.live_stream import SECONDS, append, items, prompt, serving


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        yield redis


def with_keys(settings: Settings) -> Settings:
    make_key(settings.database_url, "admin")
    return settings.model_copy(update={"access": "keys"})


def test_a_key_sees_in_the_feed_what_it_sees_in_the_lists(query_settings: Settings, redis: Redis) -> None:
    keys = {
        "read": make_key(query_settings.database_url, "read"),
        "numbers": make_key(query_settings.database_url, "numbers"),
        "metrics": make_key(query_settings.database_url, "metrics"),
        "bound": make_key(query_settings.database_url, "read", projects=[2]),
        "ingest": make_key(query_settings.database_url, "ingest"),
    }
    text = prompt(
        "a secret plan", project_id=1, project_name="shop", user="ann", session_id="the-session", machine_id="m1", title="A title"
    )
    change = FeedItem(
        kind="file_changed", project_id=2, project_name="wiki", user="ann", session_id="other", file_path="/w/a.md", lines_added=2
    )

    found = {}
    with serving(with_keys(query_settings)) as (app, client), ExitStack() as streams:

        def ask(name: str, query: str = "") -> Any:
            return client.stream("GET", f"/api/live{query}", headers={"Authorization": f"Bearer {keys[name]}"})

        told = {name: items(streams.enter_context(ask(name))) for name in ("read", "numbers", "metrics", "bound")}
        assert wait_until(lambda: app.state.live.listeners == 4, SECONDS)
        append(redis, text, change)
        for name, of_key in told.items():
            found[name] = [next(of_key).data for _ in range(1 if name == "bound" else 2)]
        for name, query in (("ingest", ""), ("numbers", "?session_id=other"), ("metrics", "?machine=m1")):
            with ask(name, query) as refused:
                assert refused.status_code == 403, name
        assert client.get("/api/live").status_code == 401

    assert found["read"][0]["content"] == "a secret plan"
    assert [item["file_path"] for item in found["bound"]] == ["/w/a.md"]
    assert found["numbers"][0] == {
        "kind": "prompt", "timestamp": "2026-05-01T12:00:00Z", "project_id": 1, "project_name": "shop", "user": "ann", "machine_id": "m1",
    }  # fmt: skip
    assert found["numbers"][1] == {"kind": "file_changed", "project_id": 2, "project_name": "wiki", "user": "ann", "lines_added": 2}
    assert found["metrics"][1] == {"kind": "file_changed", "project_id": 2, "user": "ann", "lines_added": 2}


def bearer(key: str, _connection: psycopg.Connection[Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def cookie(key: str, connection: psycopg.Connection[Any]) -> dict[str, str]:
    """A login of the key, as EventSource sends it."""
    token, login_id = new_key()
    sql = "INSERT INTO key_logins (id, key_id, sha256, expires_at) VALUES (%s, %s, %s, now() + interval '1 hour')"
    connection.execute(sql, (login_id, id_of(key), digest_of(token.encode())))
    # Not on the port that a browser would name, which is not known yet.
    return {"Host": "localhost", "Cookie": f"tracker_login={token}", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("headers_of", [bearer, cookie])
def test_the_stream_of_a_revoked_key_ends(
    query_settings: Settings,
    connection: psycopg.Connection[Any],
    headers_of: Callable[[str, psycopg.Connection[Any]], dict[str, str]],
) -> None:
    key = make_key(query_settings.database_url, "read")
    headers = headers_of(key, connection)
    with serving(with_keys(query_settings)) as (app, client), client.stream("GET", "/api/live", headers=headers) as answer:
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)

        connection.execute("UPDATE api_keys SET revoked_at = now() WHERE id = %s", (id_of(key),))

        assert list(items(answer)) == []


def test_the_stream_of_an_ended_login_ends_and_its_keys_goes_on(
    query_settings: Settings, connection: psycopg.Connection[Any], redis: Redis
) -> None:
    key = make_key(query_settings.database_url, "read")
    with serving(with_keys(query_settings)) as (app, client), ExitStack() as streams:
        by_key = streams.enter_context(client.stream("GET", "/api/live", headers=bearer(key, connection)))
        by_login = streams.enter_context(client.stream("GET", "/api/live", headers=cookie(key, connection)))
        assert wait_until(lambda: app.state.live.listeners == 2, SECONDS)

        connection.execute("DELETE FROM key_logins")

        assert list(items(by_login)) == []
        append(redis, prompt("still there"))
        assert next(items(by_key)).data["content"] == "still there"


def test_a_login_goes_on_from_the_last_event(query_settings: Settings, connection: psycopg.Connection[Any], redis: Redis) -> None:
    headers = cookie(make_key(query_settings.database_url, "read"), connection)
    with serving(with_keys(query_settings)) as (app, client):
        with client.stream("GET", "/api/live", headers=headers) as answer:
            assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
            append(redis, prompt("first"))
            seen = next(items(answer))
        append(redis, prompt("second"), prompt("third"))
        with client.stream("GET", "/api/live", headers=headers | {"Last-Event-ID": seen.last_id}) as answer:
            told = items(answer)
            assert [next(told).data["content"] for _ in range(2)] == ["second", "third"]
