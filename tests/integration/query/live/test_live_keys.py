"""The part of the live feed that keys see, and that streams end with the rights of their keys and logins."""

from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from redis import Redis

from deploy.embedded.supervision.processes import wait_until
from services.query.routes import live
from services.query.settings import Settings
from shared.auth.keys import digest_of, id_of, new_key
from shared.feed import FeedItem
from tests.integration.keys.conftest import make_key
from tests.integration.query import seed
from tests.integration.query.live.live_stream import NOW, SECONDS, append, events, heard, items, prompt, serving
from tests.kept_connection import Connection


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
        kind="file_changed", project_id=2, project_name="wiki", user="ann", session_id="other", file_path="/w/a.md", lines_added=2,
        state="permission", running_tool="Bash", running_input="cat plan.md", error="no such plan",
    )  # fmt: skip

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
    assert [(item["file_path"], item["running_input"], item["error"]) for item in found["bound"]] == [
        ("/w/a.md", "cat plan.md", "no such plan")
    ]
    assert found["numbers"][0] == {
        "kind": "prompt", "timestamp": "2026-05-01T12:00:00Z", "project_id": 1, "project_name": "shop", "user": "ann", "machine_id": "m1",
    }  # fmt: skip
    numbers = {"kind": "file_changed", "project_id": 2, "user": "ann", "lines_added": 2, "state": "permission", "running_tool": "Bash"}
    assert found["numbers"][1] == numbers | {"project_name": "wiki"}
    assert found["metrics"][1] == numbers


def test_a_key_sees_of_open_sessions_what_it_sees_in_the_lists(query_settings: Settings, connection: Connection) -> None:
    """given a session in each of two projects, with a command, an error and a file, then a key for numbers sees no text, a bound key its own."""
    now = datetime.now(UTC)
    projects = {name: seed.add_project(connection, f"/home/ann/{name}") for name in ("shop", "wiki")}
    for name, project in projects.items():
        for state in ("permission", "error"):
            session_id = f"{name} {state}"
            seed.add_session(connection, session_id, project, started_at=now)
            seed.add_tool_call(connection, session_id, now, status="pending", parameters=f'{{"command": "cat {name}.md"}}')
            seed.add_timeline_entry(connection, session_id, now, "api_error", f"Too much of {name}")
            seed.add_activity(connection, session_id, now, f"/home/ann/{name}/a.md", lines_added=5, lines_removed=0)
            seed.add_signs(connection, session_id, worked_at=now, prompted_at=now, waits_for=state, waits_since=now, heard_at=now)
    seed.compute_totals(connection)
    keys = {
        "numbers": make_key(query_settings.database_url, "numbers"),
        "metrics": make_key(query_settings.database_url, "metrics"),
        "bound": make_key(query_settings.database_url, "read", projects=[projects["wiki"]]),
    }

    with serving(with_keys(query_settings)) as (_, client):
        answers = {name: client.get("/api/live/sessions", headers={"Authorization": f"Bearer {key}"}) for name, key in keys.items()}

    for name in ("numbers", "metrics"):
        items = answers[name].json()["items"]
        assert sorted(item["state"] for item in items) == ["error", "error", "permission", "permission"]
        assert {(item["tool_input"], item["asks"], item["error"]) for item in items} == {(None, None, None)}
        assert [item["files"] for item in items] == [[{"file_path": None, "lines_added": 5, "lines_removed": 0}]] * 4
        assert not any(text in answers[name].text for text in ("cat ", "Too much", "a.md")), name
    bound = {item["session_id"]: item for item in answers["bound"].json()["items"]}
    assert bound.keys() == {"wiki permission", "wiki error"}
    assert bound["wiki permission"]["tool_input"] == bound["wiki permission"]["asks"] == "cat wiki.md"
    assert bound["wiki error"]["error"] == "Too much of wiki"
    assert bound["wiki error"]["files"][0]["file_path"] == "/home/ann/wiki/a.md"


def test_a_listener_hears_the_projects_of_a_group_or_repository(
    query_settings: Settings, connection: Connection, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """given projects in which ann worked, two of them a group, then a stream of the group has items of these alone, as far as the key sees them"""
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    ann = seed.add_user(connection, "ann")
    ids = {name: seed.add_project(connection, f"/w/{name}") for name in ("one", "two", "other", "unseen")}
    seen = ["one", "two", "other"]
    for name in seen:
        seed.add_session(connection, f"in {name}", ids[name], ann, started_at=NOW)
    seed.compute_totals(connection)
    connection.execute("UPDATE projects SET group_name = 'acme' WHERE name IN ('one', 'two', 'unseen')")
    connection.execute("UPDATE projects SET repository = 'git.example/two' WHERE name = 'two'")
    rights: dict[str, dict[str, Any]] = {"nothing": {}, "projects": {"projects": [ids[name] for name in seen]}, "a user": {"user": "ann"}}
    keys = {bound_to: make_key(query_settings.database_url, "read", **of_key) for bound_to, of_key in rights.items()}
    asked = {"group=acme": ["one", "two"], "repository=git.example/two": ["two"], "group=nobodys": [], "": seen}

    with serving(with_keys(query_settings)) as (app, client), ExitStack() as streams:
        told = {
            (bound_to, query): events(streams.enter_context(client.stream("GET", f"/api/live?{query}", headers=bearer(key, connection))))
            for bound_to, key in keys.items()
            for query in asked
        }
        assert wait_until(lambda: app.state.live.listeners == len(told), SECONDS)
        append(redis, *(prompt(name, user="ann", project_id=ids[name], session_id=f"in {name}") for name in seen))
        found = {listener: [item["content"] for item in heard(stream, redis)] for listener, stream in told.items()}

    assert found == {(bound_to, query): expected for bound_to in keys for query, expected in asked.items()}


def bearer(key: str, _connection: Connection) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def cookie(key: str, connection: Connection) -> dict[str, str]:
    """A login of the key, as EventSource sends it."""
    token, login_id = new_key()
    sql = "INSERT INTO key_logins (id, key_id, sha256, expires_at) VALUES (%s, %s, %s, now() + interval '1 hour')"
    connection.execute(sql, (login_id, id_of(key), digest_of(token.encode())))
    # Not on the port that a browser would name, which is not known yet.
    return {"Host": "localhost", "Cookie": f"tracker_login={token}", "Sec-Fetch-Site": "same-origin"}


JOB = "018f3b1e-0000-7000-8000-000000000001"


def test_a_stream_ends_when_its_key_or_login_has_other_rights_or_none(
    query_settings: Settings, connection: Connection, redis: Redis
) -> None:
    """given streams of several keys and logins, when the rights of all but one end or change, then their streams end and those of that one go on."""
    connection.execute("INSERT INTO import_jobs (id, status, files, bytes_total) VALUES (%s, 'running', '[]', 9)", (JOB,))
    headers, ids = {}, {}
    for name, headers_of in {
        "revoked": bearer, "bound": bearer, "other scopes": bearer, "untouched": bearer, "logged out": cookie, "expired": cookie,
        "login of a revoked key": cookie,
    }.items():  # fmt: skip
        key = make_key(query_settings.database_url, "read")
        headers[name], ids[name] = headers_of(key, connection), id_of(key)
    feed, job = "/api/live", f"/api/import/jobs/{JOB}/events"

    with serving(with_keys(query_settings)) as (app, client), ExitStack() as streams:
        told = {}
        for path, (name, of_key) in product((feed, job), headers.items()):
            answer = streams.enter_context(client.stream("GET", path, headers=of_key))
            assert answer.status_code == 200, name
            told[path, name] = answer.iter_raw()
            assert next(told[path, name])

        for change, names in {
            "UPDATE api_keys SET revoked_at = now() WHERE id = ANY (%s)": ("revoked", "login of a revoked key"),
            "UPDATE api_keys SET project_ids = '{1}' WHERE id = ANY (%s)": ("bound",),
            "UPDATE api_keys SET scopes = '{numbers}' WHERE id = ANY (%s)": ("other scopes",),
            "DELETE FROM key_logins WHERE key_id = ANY (%s)": ("logged out",),
            "UPDATE key_logins SET expires_at = now() WHERE key_id = ANY (%s)": ("expired",),
        }.items():
            connection.execute(change, ([ids[name] for name in names],))

        untouched = [told.pop((path, "untouched")) for path in (feed, job)]
        for stream, chunks in told.items():
            assert list(chunks) == [], stream
        append(redis, prompt("still there"))
        connection.execute("UPDATE import_jobs SET bytes_done = bytes_done + 1")
        assert all(next(chunks) for chunks in untouched)
        assert wait_until(lambda: (app.state.live.listeners, app.state.job_watch.watchers) == (1, 1), SECONDS)


def test_a_login_goes_on_from_the_last_event(query_settings: Settings, connection: Connection, redis: Redis) -> None:
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
