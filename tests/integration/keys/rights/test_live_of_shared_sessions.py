"""The live feed of a key that is bound to users: of others it has what the key may read in lists, also while that changes."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.database import Database
from services.query.live import shared_sessions
from services.query.live.shared_sessions import FRESH_SECONDS, Known, SharedSessions
from services.query.routes import live
from services.query.settings import Settings
from shared.feed import FeedItem
from tests.integration.keys.conftest import make_key
from tests.integration.keys.rights.people import AT, build
from tests.integration.query import seed
from tests.integration.query.live.live_stream import SECONDS, StreamEvent, append, events, heard, prompt, serving


@pytest.fixture(autouse=True)
def quick_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)


@pytest.fixture
def query_settings(database_url: str, redis_url: str, admin: str) -> Settings:
    return Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL", access="keys")


@contextmanager
def listening(settings: Settings, keys: dict[str, str], query: str = "") -> Iterator[tuple[httpx.Client, dict[str, Iterator[StreamEvent]]]]:
    """A client, and a stream of each key, all of which listen."""
    with serving(settings) as (app, client), ExitStack() as streams:
        told = {
            name: events(streams.enter_context(client.stream("GET", f"/api/live{query}", headers=bearer(key))))
            for name, key in keys.items()
        }
        assert wait_until(lambda: app.state.live.listeners == len(keys), SECONDS)
        yield client, told


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def items_of(connection: psycopg.Connection[Any]) -> list[FeedItem]:
    """A prompt in each session that is stored, as the worker would tell it."""
    rows = connection.execute(
        "SELECT s.session_id, s.project_id, u.name FROM sessions AS s JOIN users AS u ON u.id = s.user_id ORDER BY s.session_id"
    )
    return [prompt(session_id, session_id=session_id, project_id=project_id, user=user) for session_id, project_id, user in rows]


@pytest.mark.parametrize("default", ["private", "shared"])
def test_a_key_hears_what_it_may_read_in_lists(
    query_settings: Settings, connection: psycopg.Connection[Any], redis: Redis, default: str
) -> None:
    """given bob's sessions with each word of project and session, and ann's, then every key hears the sessions that are in its list"""
    build(connection)
    projects = [row[0] for row in connection.execute("SELECT id FROM projects ORDER BY id").fetchall()]
    ann = connection.execute("SELECT id FROM users WHERE name = 'ann'").fetchone()
    assert ann is not None
    for project in projects:
        seed.add_session(connection, f"anns in {project}", project, ann[0], started_at=AT)
    seed.compute_totals(connection)
    rights: dict[str, dict[str, Any]] = {
        "everybody": {},
        "ann": {"user": "ann"},
        "bob": {"user": "bob"},
        "nobody's": {"user": "carl"},
        "team": {"users": ["ann", "carl"]},
        "a project": {"projects": projects[:1]},
        **{f"ann in {project}": {"user": "ann", "projects": [project]} for project in projects},
    }
    keys = {name: make_key(query_settings.database_url, "read", **each) for name, each in rights.items()}
    told_of = items_of(connection)
    hidden = [prompt("of no session", session_id=None, user="zed"), prompt("unknown", session_id="never stored", user="zed")]

    with listening(query_settings.model_copy(update={"sessions": default}), keys) as (client, streams):
        append(redis, *told_of[:5], *hidden, *told_of[5:])
        told = {name: [item["content"] for item in heard(stream, redis)] for name, stream in streams.items()}
        listed = {
            name: {item["session_id"] for item in client.get("/api/sessions", headers=bearer(key)).json()["items"]}
            for name, key in keys.items()
        }

    of_all = [item.content for item in told_of]
    assert told.pop("everybody") == [item.content for item in (*told_of[:5], *hidden, *told_of[5:])]
    assert told == {name: [content for content in of_all if content in listed[name]] for name in told}
    assert 0 < len(listed["nobody's"]) < len(listed["ann"]) < len(listed["everybody"])


@pytest.fixture
def bobs(connection: psycopg.Connection[Any]) -> int:
    """A session of bob's, and one of ann's, in one project: its id."""
    project = seed.add_project(connection, "/shop")
    for name in ("ann", "bob"):
        seed.add_session(connection, f"{name}s", project, seed.add_user(connection, name), started_at=AT)
    seed.compute_totals(connection)
    return project


SHARE_AND_TAKE_BACK = {
    "the session": (
        "INSERT INTO session_marks (session_id, visibility) VALUES ('bobs', 'shared')",
        "UPDATE session_marks SET visibility = 'private' WHERE session_id = 'bobs'",
    ),
    "its mark is gone": (
        "INSERT INTO session_marks (session_id, visibility) VALUES ('bobs', 'shared')",
        "DELETE FROM session_marks WHERE session_id = 'bobs'",
    ),
    "the project": ("UPDATE projects SET visibility = 'shared'", "UPDATE projects SET visibility = NULL"),
    "private in a shared project": (
        "UPDATE projects SET visibility = 'shared'",
        "INSERT INTO session_marks (session_id, visibility) VALUES ('bobs', 'private')",
    ),
}


@pytest.mark.parametrize(("share", "take_back"), SHARE_AND_TAKE_BACK.values(), ids=SHARE_AND_TAKE_BACK)
def test_a_stream_that_is_open_follows_what_is_shared(
    query_settings: Settings,
    connection: psycopg.Connection[Any],
    redis: Redis,
    bobs: int,
    share: str,
    take_back: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """given ann's stream, when bob shares his session, then she hears it when answers are old, and as soon nothing more when he takes it back"""
    assert FRESH_SECONDS <= 2
    monkeypatch.setattr(shared_sessions, "FRESH_SECONDS", 0.5)
    keys = {"ann": make_key(query_settings.database_url, "read", user="ann")}

    with listening(query_settings, keys) as (_, streams):

        def hears_bob() -> bool:
            append(redis, prompt("mine", user="ann", session_id="anns", project_id=bobs))
            append(redis, prompt("bob's", user="bob", session_id="bobs", project_id=bobs))
            contents = [item["content"] for item in heard(streams["ann"], redis)]
            assert contents[0] == "mine"
            return contents == ["mine", "bob's"]

        assert not hears_bob()
        for statement, is_heard in ((share, True), (take_back, False)):
            connection.execute(statement.encode())
            # Then every answer from before the change is old.
            time.sleep(shared_sessions.FRESH_SECONDS)
            assert hears_bob() is is_heard


def test_what_comes_with_items_of_others_comes_once_and_in_order(
    query_settings: Settings, connection: psycopg.Connection[Any], redis: Redis, bobs: int
) -> None:
    """given a batch with items of ann, of shared and of private sessions, then her stream has hers and the shared ones, and so has one that begins later"""
    bob = connection.execute("SELECT id FROM users WHERE name = 'bob'").fetchone()
    assert bob is not None
    for number in range(20):
        seed.add_session(connection, f"bob-{number}", bobs, bob[0], started_at=AT)
        connection.execute(
            "INSERT INTO session_marks (session_id, visibility) VALUES (%s, %s)", (f"bob-{number}", "shared" if number % 3 else "private")
        )
    keys = {"ann": make_key(query_settings.database_url, "read", user="ann")}
    batch = [
        prompt(f"{number}", user="ann", session_id="anns", project_id=bobs)
        if number % 2
        else prompt(f"{number}", user="bob", session_id=f"bob-{number // 2}", project_id=bobs)
        for number in range(40)
    ]
    expected = [f"{number}" for number in range(40) if number % 2 or (number // 2) % 3]

    with listening(query_settings, keys) as (client, streams):
        append(redis, prompt("before", user="ann", session_id="anns", project_id=bobs))
        [before] = heard(streams["ann"], redis)
        position = client.head("/api/live", headers=bearer(keys["ann"])).headers["x-last-event-id"]
        append(redis, *batch)
        append(redis, *batch)

        assert before["content"] == "before"
        assert [item["content"] for item in heard(streams["ann"], redis)] == expected * 2
        with client.stream("GET", "/api/live", headers=bearer(keys["ann"]) | {"Last-Event-ID": position}) as answer:
            assert [item["content"] for item in heard(events(answer), redis)] == expected * 2

    # In a process that has not read them as they came.
    with (
        serving(query_settings) as (_, client),
        client.stream("GET", "/api/live", headers=bearer(keys["ann"]) | {"Last-Event-ID": position}) as answer,
    ):
        assert [item["content"] for item in heard(events(answer), redis)] == expected * 2


def learn_all(settings: Settings, act: Callable[[SharedSessions], Coroutine[Any, Any, None]]) -> int:
    """How many questions Postgres was asked while something is done."""
    questions = 0

    async def run(read: Callable[[], frozenset[str]]) -> frozenset[str]:
        nonlocal questions
        questions += 1
        return await asyncio.to_thread(read)

    database = Database(settings)
    try:
        asyncio.run(act(SharedSessions(database, run)))
    finally:
        database.close()
    return questions


def test_one_question_serves_all_listeners(
    query_settings: Settings, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given 200 listeners at once, then one question answers for all of them, and one more for a session that is new"""
    monkeypatch.setattr(shared_sessions, "FRESH_SECONDS", SECONDS)
    build(connection)
    wanted = frozenset({"None-shared", "None-private", "shared-None", "no such session"})

    async def listen(shared: SharedSessions) -> None:
        for more in (frozenset[str](), frozenset({"private-shared"})):
            found = await asyncio.gather(*(shared.learn(wanted | more) for _ in range(200)))
            assert {known.asked for known in found} == {wanted | more}
            assert {known.shared for known in found} == {frozenset({"None-shared", "shared-None"}) | more}
            assert shared.known() is found[0]

    assert learn_all(query_settings, listen) == 2


def test_answers_that_are_old_at_once_are_asked_for_twice_not_by_each(
    query_settings: Settings, connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """given an answer that takes longer than answers are good for, then 200 listeners who wait share the next one; sessions of before are in it"""
    monkeypatch.setattr(shared_sessions, "FRESH_SECONDS", -1.0)
    build(connection)

    async def listen(shared: SharedSessions) -> None:
        before = await shared.learn(frozenset({"None-shared"}))
        assert before.shared == {"None-shared"}
        assert shared.known() == Known()
        found = await asyncio.gather(*(shared.learn(frozenset({"shared-None", "None-private"})) for _ in range(200)))
        assert {known.shared for known in found} == {frozenset({"None-shared", "shared-None"})}
        assert {known.asked for known in found} == {frozenset({"None-shared", "shared-None", "None-private"})}

    assert learn_all(query_settings, listen) == 3


def test_while_postgres_is_away_nothing_of_others_is_shared(query_settings: Settings) -> None:
    async def learn(shared: SharedSessions) -> None:
        known = await shared.learn(frozenset({"bobs"}))
        assert (known.asked, known.shared) == (frozenset({"bobs"}), frozenset())

    assert learn_all(query_settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}), learn) == 1
