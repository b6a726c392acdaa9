"""GET /api/live: what the worker tells arrives at every listener that may see it, once and in order, whatever the others do."""

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.http.event_stream import EventStream
from services.query.live.positions import Position, position_of
from services.query.routes import live
from services.query.settings import Settings
from shared.feed import FEED_KEY, ITEMS_FIELD, REWRITTEN_FIELD, FeedItem, encode_items
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.live.live_stream import SECONDS, append, events, items, prompt, serving
from tests.integration.served_app import embedded_gateway
from tests.kept_connection import Connection, execute

REPOSITORY = Path(__file__).parents[4]


@pytest.fixture
def served(query_settings: Settings) -> Iterator[tuple[FastAPI, httpx.Client]]:
    with serving(query_settings) as running:
        yield running


def newest_of(redis: Redis) -> Position:
    """The position of the feed's newest entry."""
    [(entry_id, _)] = redis.xrevrange(FEED_KEY, count=1)
    found = position_of(entry_id.decode())
    assert found is not None
    return found


def test_items_of_the_feed_reach_a_listener(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    app, client = served
    append(redis, prompt("before"))

    with client.stream("GET", "/api/live") as answer:
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        append(redis, prompt("one"), prompt("two"))
        append(redis, prompt("three"))
        found = list(islice(told, 3))

    assert [each.data["content"] for each in found] == ["one", "two", "three"]
    assert {each.name for each in found} == {"prompt"}
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert wait_until(lambda: app.state.live.listeners == 0, SECONDS)


def test_a_listener_sees_only_what_passes_its_filters(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    app, client = served
    shown = prompt("shown", project_id=1, user="ann", session_id="s1", machine_id="m1")
    call = FeedItem(kind="tool_finished", project_id=1, user="ann", session_id="s1", machine_id="m1", tool_name="Bash")
    others = [
        prompt("another project", project_id=2, user="ann", session_id="s1", machine_id="m1"),
        prompt("another user", project_id=1, user="bo", session_id="s1", machine_id="m1"),
        prompt("another session", project_id=1, user="ann", session_id="s2", machine_id="m1"),
        prompt("another machine", project_id=1, user="ann", session_id="s1", machine_id="m2"),
    ]
    asked = {
        "project_id=1&user=ann&session_id=s1&machine=m1": ["prompt", "tool_finished"],
        "project_id=1&user=ann&session_id=s1&machine=m1&kind=prompt,reply": ["prompt"],
        "tool_name=Bash": ["tool_finished"],
    }
    end = FeedItem(
        kind="tool_finished", project_id=1, user="ann", session_id="s1", machine_id="m1", tool_name="Bash", result_status="error"
    )

    with ExitStack() as streams:
        told = {query: items(streams.enter_context(client.stream("GET", f"/api/live?{query}"))) for query in asked}
        assert wait_until(lambda: app.state.live.listeners == 3, SECONDS)
        append(redis, *others, shown, call, *others, end, shown)

        found = {query: [next(told[query]) for _ in kinds] for query, kinds in asked.items()}

    assert {query: [each.name for each in found[query]] for query in asked} == asked


def test_a_listener_hears_of_a_renamed_user_by_either_name(served: tuple[FastAPI, httpx.Client], redis: Redis, database_url: str) -> None:
    # Given ann, who is anna now; the feed may have items with either name
    execute(database_url, "INSERT INTO users (name) VALUES ('anna'), ('bo')")
    execute(database_url, "INSERT INTO users (name, alias_of) SELECT 'ann', id FROM users WHERE name = 'anna'")
    app, client = served

    with ExitStack() as streams:
        told = [items(streams.enter_context(client.stream("GET", f"/api/live?user={name}"))) for name in ("ann", "anna")]
        assert wait_until(lambda: app.state.live.listeners == 2, SECONDS)
        append(redis, *(prompt(f"of {name}", user=name) for name in ("ann", "bo", "anna")))
        found = [[each.data["content"] for each in islice(items_of_one, 2)] for items_of_one in told]

    assert found == [["of ann", "of anna"]] * 2


def test_a_listener_goes_on_with_what_a_scrub_has_rewritten(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    # Given a process that has an entry in its memory, since somebody listens
    app, client = served
    with client.stream("GET", "/api/live") as answer:
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        append(redis, prompt("first"), prompt("secret"))
        first = next(told)
        next(told)

        # When the feed is written anew, under the same ids
        [(entry_id, _)] = redis.xrange(FEED_KEY)
        redis.delete(FEED_KEY)
        [value] = encode_items([prompt("first"), prompt("redacted")])
        redis.xadd(FEED_KEY, {ITEMS_FIELD: value}, id=entry_id)
        redis.xadd(FEED_KEY, {ITEMS_FIELD: b"[]", REWRITTEN_FIELD: b"1"})
        append(redis, prompt("last"))
        assert next(told).data["content"] == "last"

        # Then another listener, which goes on behind the first item, is told what is there now
        with client.stream("GET", "/api/live", headers={"Last-Event-ID": first.last_id}) as later:
            found = [each.data["content"] for each in islice(items(later), 2)]

    assert found == ["redacted", "last"]


def test_wrong_parameters_are_refused(served: tuple[FastAPI, httpx.Client]) -> None:
    _, client = served
    for query in ("kind=prompts", "kind=", "last_event_id=newest", "project_id=0", "since=1", "kind=prompt&kind=reply"):
        answer = client.get(f"/api/live?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR"), query
    assert client.get("/api/live", headers={"Last-Event-ID": "x"}).status_code == 400


def test_a_head_request_ends_at_once(served: tuple[FastAPI, httpx.Client]) -> None:
    app, client = served
    assert client.head("/api/live").status_code == 200
    assert app.state.live.listeners == 0


def test_an_idle_stream_sends_heartbeats_with_its_position(
    served: tuple[FastAPI, httpx.Client], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a listener whose filter passes nothing, then heartbeats carry the position, so that it can go on from there."""
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    _, client = served
    with client.stream("GET", "/api/live?user=nobody") as answer:
        told = events(answer)
        first = next(told)
        append(redis, prompt("for somebody else"))
        newest = newest_of(redis)
        behind = next(each.last_id for each in told if position_of(each.last_id) > newest)
        with client.stream("GET", "/api/live", headers={"Last-Event-ID": behind}) as later:
            goes_on = items(later)
            append(redis, prompt("for it"))
            assert next(goes_on).data["content"] == "for it"
    assert (first.name, first.data) == ("message", None)


def test_positions_and_heartbeats_do_not_tell_when_others_did_something(
    served: tuple[FastAPI, httpx.Client], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given others who are never silent, then a listener that sees none of it hears heartbeats all the same, and no position is one of an entry"""
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    app, client = served
    asked = {client.head("/api/live").headers["x-last-event-id"]}
    with client.stream("GET", "/api/live?user=nobody") as answer, ThreadPoolExecutor(1) as others:
        told = events(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(0.01):
                append(redis, prompt("for somebody else"))

        working = others.submit(work)
        try:
            asked |= {each.last_id for each in islice(told, 50)}
            asked |= {client.get("/api/live/sessions").json()["last_event_id"], client.head("/api/live").headers["x-last-event-id"]}
        finally:
            ended.set()
        working.result()

    assert asked.isdisjoint(entry_id.decode() for entry_id, _ in redis.xrange(FEED_KEY))
    assert len(asked) > 2


@settings(max_examples=examples(10), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_with_any_cuts_every_item_comes_once_and_in_order(served: tuple[FastAPI, httpx.Client], redis: Redis, data: st.DataObject) -> None:
    """given a client that is cut off after any number of bytes, and goes on with the last id, then nothing is missing or twice."""
    _, client = served
    batches = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    cuts = data.draw(st.lists(st.integers(0, 4_000), max_size=6))
    wanted = [f"{number} {'x' * (number % 7) * 40}" for number in range(sum(batches))]
    texts = iter(wanted)
    last_id = client.head("/api/live").headers["x-last-event-id"]

    found: list[str] = []
    for size in batches:
        append(redis, *(prompt(text) for text in islice(texts, size)))
    while len(found) < len(wanted):
        at_most = cuts.pop() if cuts else None
        with client.stream("GET", "/api/live", headers={"Last-Event-ID": last_id}) as answer:
            for told in events(answer, at_most):
                if told.data is not None:
                    found.append(told.data["content"])
                last_id = told.last_id
                if len(found) == len(wanted):
                    break

    assert found == wanted


def test_a_position_that_is_no_longer_kept_is_a_gap(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    _, client = served
    append(redis, prompt("first"))
    [(old, _)] = redis.xrange(FEED_KEY)
    append(redis, prompt("cut off"))
    append(redis, prompt("kept"))
    redis.xtrim(FEED_KEY, maxlen=1, approximate=False)

    with client.stream("GET", "/api/live", headers={"Last-Event-ID": old.decode()}) as answer:
        told = list(islice(items(answer), 2))

    assert [each.name for each in told] == ["gap", "prompt"]
    assert told[1].data["content"] == "kept"


def test_listeners_above_the_limit_are_refused(query_settings: Settings) -> None:
    with (
        serving(query_settings.model_copy(update={"max_listeners": 1, "max_requests": 2})) as (app, client),
        client.stream("GET", "/api/live"),
    ):
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        refused = client.get("/api/live")
        assert [client.get("/api/sessions").status_code for _ in range(3)] == [200] * 3
    assert (refused.status_code, refused.json()["code"]) == (503, "OVERLOADED")
    assert "retry-after" in refused.headers


def test_a_listener_that_does_not_read_is_disconnected(
    served: tuple[FastAPI, httpx.Client], redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given a client that reads nothing, when more comes than its connection holds, then it is cut off and the others get everything."""
    monkeypatch.setattr(EventStream, "UNREAD_SECONDS", 0.5)
    app, client = served
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as silent, client.stream("GET", "/api/live") as answer:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        silent.sendall(b"GET /api/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 2, SECONDS)

        wanted = [f"{number} {'x' * 450}" for number in range(20_000)]
        for at in range(0, len(wanted), 500):
            append(redis, *map(prompt, wanted[at : at + 500]))
            assert [next(told).data["content"] for _ in range(500)] == wanted[at : at + 500]

        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        assert client.get("/healthz").status_code == 200


def test_streams_go_on_after_redis_was_away(served: tuple[FastAPI, httpx.Client], redis: Redis) -> None:
    app, client = served
    with client.stream("GET", "/api/live") as answer:
        told = items(answer)
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)
        append(redis, prompt("before"))
        assert next(told).data["content"] == "before"

        # A key of another type makes every read fail
        redis.rename(FEED_KEY, "aside")
        redis.set(FEED_KEY, "no stream")
        time.sleep(1.5)
        redis.delete(FEED_KEY)
        redis.rename("aside", FEED_KEY)
        append(redis, prompt("after"))

        assert next(told).data["content"] == "after"


def test_streams_end_when_the_service_stops(query_settings: Settings) -> None:
    with serving(query_settings) as (app, client), client.stream("GET", "/api/live") as answer:
        assert wait_until(lambda: app.state.live.listeners == 1, SECONDS)

        app.state.live.stop()

        assert list(items(answer)) == []


def test_open_sessions_are_listed_with_what_happens_in_them(
    served: tuple[FastAPI, httpx.Client], redis: Redis, connection: Connection
) -> None:
    """given sessions with signs of what they do, one of which only an import tells, and one that ended, then all but the last are listed."""
    _, client = served
    now = datetime.now(UTC)
    project = seed.add_project(connection, "/home/ann/shop")

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    for session_id in ("working", "permission", "waiting", "quiet", "imported", "ended"):
        seed.add_session(connection, session_id, project, started_at=ago(20), ended_at=ago(1) if session_id == "ended" else None)
        seed.add_message(connection, session_id, ago(20), "first prompt", role="user")
        seed.add_message(connection, session_id, ago(15), "please fix it", role="user")
        seed.add_tool_call(connection, session_id, ago(14), tool_name="Bash", status="success" if session_id == "waiting" else "pending")
    seed.add_signs(connection, "working", worked_at=ago(14), prompted_at=ago(15), heard_at=now)
    seed.add_signs(
        connection, "permission", worked_at=ago(14), prompted_at=ago(15), waits_for="permission", waits_since=ago(13), heard_at=now
    )
    seed.add_signs(connection, "waiting", worked_at=ago(12), prompted_at=ago(15), waits_for="input", waits_since=ago(12), heard_at=now)
    seed.add_signs(connection, "quiet", worked_at=ago(14), prompted_at=ago(15), heard_at=ago(14))
    seed.compute_totals(connection)
    append(redis, prompt("newest"))

    answer = client.get("/api/live/sessions").json()

    found = {item["session_id"]: item for item in answer["items"]}
    assert {name: (item["state"], item["tool_name"], datetime.fromisoformat(item["since"])) for name, item in found.items()} == {
        "working": ("working", "Bash", ago(14)),
        "permission": ("permission", "Bash", ago(13)),
        "waiting": ("input", None, ago(12)),
        "quiet": ("quiet", "Bash", ago(14)),
        "imported": ("quiet", None, ago(14)),
    }
    assert {item["last_prompt"] for item in found.values()} == {"please fix it"}
    assert position_of(answer["last_event_id"]) > newest_of(redis)
    assert client.get("/api/live/sessions?user=nobody").json()["items"] == []


def test_open_sessions_are_listed_with_command_error_and_files(served: tuple[FastAPI, httpx.Client], connection: Connection) -> None:
    """given a session that waits for a permission, and one whose turn failed, then each says for what, why, and what it changed last."""
    _, client = served
    now = datetime.now(UTC)
    project = seed.add_project(connection, "/home/ann/shop")

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    for session_id in ("permission", "failed"):
        seed.add_session(connection, session_id, project, started_at=ago(20))
        seed.add_message(connection, session_id, ago(15), "please fix it", role="user")
    for minutes, name in ((9, "a"), (8, "b"), (7, "c"), (6, "d"), (5, "b")):
        seed.add_activity(connection, "permission", ago(minutes), f"/home/ann/shop/{name}.py", lines_added=10, lines_removed=2)
    seed.add_tool_call(connection, "permission", ago(4), status="pending", parameters='{"command": "rm -rf build"}')
    seed.add_signs(
        connection, "permission", worked_at=ago(4), prompted_at=ago(15), waits_for="permission", waits_since=ago(3), heard_at=now
    )
    seed.add_tool_call(connection, "failed", ago(16), status="error", result="of the turn before")
    seed.add_tool_call(connection, "failed", ago(14), status="error", result="Exit code 1\nno tests ran")
    seed.add_signs(connection, "failed", worked_at=ago(14), prompted_at=ago(15), waits_for="error", waits_since=ago(13), heard_at=now)
    seed.compute_totals(connection)

    found = {item["session_id"]: item for item in client.get("/api/live/sessions").json()["items"]}

    waits, failed = found["permission"], found["failed"]
    assert (waits["state"], waits["tool_name"], waits["tool_input"], waits["error"]) == ("permission", "Bash", "rm -rf build", None)
    assert (waits["asks"], failed["asks"]) == ("rm -rf build", None)
    assert waits["files"] == [
        {"file_path": f"/home/ann/shop/{name}.py", "lines_added": added, "lines_removed": removed}
        for name, added, removed in (("b", 20, 4), ("d", 10, 2), ("c", 10, 2))
    ]
    assert (failed["state"], failed["tool_input"], failed["error"], failed["files"]) == ("error", None, "Exit code 1 no tests ran", [])


def test_the_embedded_gateway_streams_and_stops_on_sigterm(database_url: str, redis_url: str, redis: Redis, tmp_path: Path) -> None:
    """given a listener, when the process gets a SIGTERM, then the stream ends and so does the process."""
    with embedded_gateway(database_url, redis_url, tmp_path) as (gateway, url):
        with httpx.Client(base_url=url, timeout=SECONDS * 2) as client, client.stream("GET", "/api/live") as answer:
            told = events(answer)
            next(told)
            append(redis, prompt("through the gateway"))
            assert next(told).data["content"] == "through the gateway"
            gateway.send_signal(signal.SIGTERM)
            assert [each for each in told if each.data] == []
        assert gateway.wait(SECONDS) in (0, -signal.SIGTERM)


def test_without_redis_it_says_so(query_settings: Settings) -> None:
    with serving(query_settings.model_copy(update={"redis_url": "redis://127.0.0.1:9/0"})) as (_, client):
        for path in ("/api/live", "/api/live/sessions"):
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (503, "QUEUE_UNAVAILABLE"), path


def test_a_machine_is_named_by_its_id_or_its_name(served: tuple[FastAPI, httpx.Client], redis: Redis, connection: Connection) -> None:
    app, client = served
    connection.execute("INSERT INTO machines (machine_id, name) VALUES ('m1', 'ann-laptop')")
    with ExitStack() as streams:
        told = [items(streams.enter_context(client.stream("GET", f"/api/live?machine={name}"))) for name in ("m1", "ann-laptop")]
        assert wait_until(lambda: app.state.live.listeners == 2, SECONDS)
        append(redis, prompt("elsewhere", machine_id="m2"), prompt("here", machine_id="m1"))
        assert [next(each).data["content"] for each in told] == ["here", "here"]
