"""The life of an API key: created and shown once, listed, told of itself, used, revoked, and logged in the audit log."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from deploy import keys as command
from shared.auth.key_cache import USED_KEY
from shared.auth.keys import digest_of
from shared.tables.catalogue import TABLES
from tests.integration.keys.conftest import Api, is_error, make_key, running

KEY = {"name": "Ann's laptop", "scopes": ["ingest"]}


def make(api: Api, admin: str | None, **fields: Any) -> dict[str, Any]:
    answer = api.post(admin, "/api/keys", KEY | fields)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


def everything(api: Api) -> str:
    """All rows of all tables, as text."""
    return "\n".join(str(row) for table in TABLES for row in api.select(f"SELECT t::text FROM {table} AS t"))


def test_a_key_is_shown_once_and_stored_as_a_hash(api: Api, admin: str) -> None:
    made = make(api, admin)
    key = made["key"]
    assert api.post(key, "/api/events", []).status_code == 200

    assert key.rpartition("_")[2] not in everything(api)
    [row] = api.select("SELECT sha256 FROM api_keys WHERE id = %s", made["id"])
    assert bytes(row["sha256"]) == digest_of(key.encode())
    for path in ("/api/keys", "/api/audit"):
        text = api.get(admin, path).text
        assert key.rpartition("_")[2] not in text
        assert "sha256" not in text


def test_the_list_shows_scopes_and_bindings_of_each_key(api: Api, admin: str) -> None:
    first, second = make(api, admin), make(api, admin, name="Team", scopes=["metrics", "read", "read"], user="ann")
    listed = api.get(admin, "/api/keys?limit=2").json()
    assert [item["id"] for item in listed["items"]] == [second["id"], first["id"]]
    assert listed["items"][0] | {"created_at": None} == {
        "id": second["id"], "name": "Team", "scopes": ["metrics", "read"], "user": "ann", "users": ["ann"], "project_ids": None,
        "created_at": None, "last_used_at": None, "revoked_at": None, "logins": 0,
    }  # fmt: skip
    rest = api.get(admin, f"/api/keys?limit=2&cursor={listed['next_cursor']}").json()
    assert [item["scopes"] for item in rest["items"]] == [["admin"]]


def test_a_revoked_key_is_refused_after_its_next_lookup(api: Api, admin: str) -> None:
    made = make(api, admin)
    answer = api.ask(admin, "DELETE", f"/api/keys/{made['id']}")
    assert (answer.status_code, answer.json()["name"]) == (200, KEY["name"])
    is_error(api.post(made["key"], "/api/events", []), 401, "UNAUTHORIZED")
    again = api.ask(admin, "DELETE", f"/api/keys/{made['id']}")
    assert again.json() == answer.json()
    listed = {item["id"]: item["revoked_at"] for item in api.get(admin, "/api/keys").json()["items"]}
    assert listed[made["id"]] == answer.json()["revoked_at"]


@pytest.mark.parametrize("key_id", ["000000000000", "x", "%00", "a%2Fb"])
def test_revoking_an_unknown_key_is_404(api: Api, admin: str, key_id: str) -> None:
    assert api.ask(admin, "DELETE", f"/api/keys/{key_id}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["write"]}, "scopes[0]"),
        ({"name": ""}, "name"),
        ({"scopes": ["admin"], "user": "ann"}, "scopes"),
        ({"scopes": ["admin"], "users": ["ann", "bob"]}, "scopes"),
        ({"scopes": ["ingest", "read"], "users": ["ann", "bob"]}, "users"),
        ({"scopes": ["read"], "users": ["ann"], "user": "ann"}, "users"),
        ({"scopes": ["read"], "users": []}, "users"),
        ({"scopes": ["read"], "project_ids": []}, "project_ids"),
        ({"scopes": ["read"], "project_ids": [77]}, "project_ids"),
    ],
)
def test_an_inconsistent_key_is_refused(api: Api, admin: str, fields: dict[str, Any], field: str) -> None:
    answer = api.post(admin, "/api/keys", KEY | fields)
    is_error(answer, 400, "VALIDATION_ERROR")
    assert list(answer.json()["details"]) == [field]
    assert len(api.select("SELECT FROM api_keys")) == 1
    assert api.select("SELECT FROM audit_log") == []


def test_the_audit_log_records_actor_and_action(api: Api, admin: str) -> None:
    made = api.ask(admin, "POST", "/api/keys", json=KEY, headers={"X-Request-ID": "r-1"}).json()
    api.ask(admin, "DELETE", f"/api/keys/{made['id']}", headers={"X-Request-ID": "r-2"})
    api.ask(admin, "DELETE", f"/api/keys/{made['id']}")
    acts = api.get(admin, "/api/audit").json()["items"]
    who = admin.split("_")[1]
    assert [(act["who"], act["act"], act["subject"], act["request_id"], act["details"]) for act in acts] == [
        (who, "key.revoke", made["id"], "r-2", {}),
        (who, "key.create", made["id"], "r-1", KEY),
    ]
    assert acts[0]["key_name"] == "a test's admin"
    page = api.get(admin, "/api/audit?limit=1").json()
    assert api.get(admin, f"/api/audit?limit=1&cursor={page['next_cursor']}").json()["items"] == acts[1:]


def test_successful_import_actions_are_in_the_audit_log(api: Api, admin: str) -> None:
    sql = "INSERT INTO import_jobs (id, files, status) VALUES (gen_random_uuid(), '[]', %s) RETURNING id"
    [running], [ended], [failed] = (api.select(sql, status) for status in ("running", "succeeded", "failed"))
    api.ask(admin, "POST", f"/api/import/jobs/{running['id']}/cancel")
    api.ask(admin, "POST", f"/api/import/jobs/{ended['id']}/cancel")
    api.ask(admin, "POST", f"/api/import/jobs/{failed['id']}/retry")
    api.ask(admin, "DELETE", f"/api/import/jobs/{ended['id']}")
    acts = api.get(admin, "/api/audit").json()["items"]
    assert [(act["act"], act["subject"]) for act in reversed(acts)] == [
        ("import.cancel", str(running["id"])), ("import.retry", str(failed["id"])), ("import.undo", str(ended["id"])),
    ]  # fmt: skip


def test_open_access_permits_creating_keys(open_api: Api) -> None:
    made = make(open_api, None, scopes=["admin"])
    assert open_api.get(made["key"], "/api/keys").json()["items"][0]["id"] == made["id"]
    [act] = open_api.get(None, "/api/audit").json()["items"]
    assert (act["who"], act["key_name"]) == ("open", None)


def test_the_command_creates_the_first_key_in_the_database(open_api: Api) -> None:
    environment = os.environ | {"TRACKER_DATABASE_URL": open_api.database_url}
    run = [sys.executable, "-m", "deploy.keys"]
    made = subprocess.run([*run, "create", "--scope", "admin", "--name", "me"], env=environment, capture_output=True, text=True, check=True)
    key = made.stdout.strip()
    assert key not in made.stderr
    [item] = open_api.get(key, "/api/keys").json()["items"]
    assert (item["name"], item["scopes"]) == ("me", ["admin"])


def test_the_command_lists_and_revokes_keys_in_the_database(
    open_api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKER_DATABASE_URL", open_api.database_url)
    key_id = open_api.key("read").split("_")[1]
    assert command.main(["revoke", key_id]) == 0
    assert command.main(["revoke", "000000000000"]) == 1
    assert command.main(["create", "--scope", "admin", "--user", "ann"]) == 1
    assert command.main(["list"]) == 0
    said = capsys.readouterr()
    assert f"{key_id}  read  revoked" in said.out
    assert "cannot be bound" in said.err
    [act] = open_api.select("SELECT who, act FROM audit_log")
    assert act == {"who": "machine", "act": "key.revoke"}
    monkeypatch.setenv("TRACKER_DATABASE_URL", "postgresql://tracker@/tracker?host=/nonexistent")
    assert command.main(["list"]) == 1


def test_last_use_is_recorded_from_both_services_and_never_moves_back(database_url: str, redis_url: str, tmp_path: Path) -> None:
    reader, writer, idle = make_key(database_url, "read"), make_key(database_url, "ingest"), make_key(database_url, "read")

    def used(api_was_used: bool) -> dict[str, bool]:
        with running(database_url, redis_url, tmp_path, "open") as api:
            if api_was_used:
                assert api.get(reader, "/api/sessions").status_code == 200
                assert api.post(writer, "/api/events", []).status_code == 200
        rows = api.select("SELECT id, last_used_at FROM api_keys")
        return {row["id"]: row["last_used_at"] is not None for row in rows}

    ids = [key.split("_")[1] for key in (reader, writer, idle)]
    # Ingest has ended first here, and the note of the query service is still there.
    assert [used(True)[key_id] for key_id in ids] == [False, True, False]
    with Redis.from_url(redis_url) as redis:
        assert redis.hkeys(USED_KEY) == [ids[0].encode()]
        assert [used(False)[key_id] for key_id in ids] == [True, True, False]
        assert redis.hkeys(USED_KEY) == []
        redis.hset(USED_KEY, ids[0], "2020-01-01T00:00:00+00:00")
    with running(database_url, redis_url, tmp_path, "open") as api:
        before = api.select("SELECT last_used_at FROM api_keys WHERE id = %s", ids[0])
    assert api.select("SELECT last_used_at FROM api_keys WHERE id = %s", ids[0]) == before


SETTINGS = {
    "version": "0.1.0", "timezone": "UTC", "idle_gap_minutes": 5.0, "machine_silent_hours": 72, "ready_lag_seconds": 60,
    "canary_max_age_seconds": 60.0, "sessions": "private", "tool_results": "on", "flower": None,
}  # fmt: skip


def test_open_access_without_a_key_has_no_key(open_api: Api) -> None:
    assert open_api.get(None, "/api/me").json() == SETTINGS | {"access": "open", "key": None}


@pytest.mark.parametrize("scopes", [["metrics"], ["numbers"], ["ingest", "read"], ["admin"]])
def test_a_key_sees_its_own_name_and_scopes(api: Api, scopes: list[str]) -> None:
    key = api.key(*scopes)
    shown = api.get(key, "/api/me").json()
    assert shown == SETTINGS | {
        "access": "keys",
        "key": {
            "key_id": key.split("_")[1], "name": f"a test's {' '.join(scopes)}", "scopes": scopes,
            "user": None, "users": None, "project_ids": None, "expires_at": None,
        },
    }  # fmt: skip


def test_a_bound_key_sees_what_it_is_bound_to(api: Api) -> None:
    shown = api.get(api.key("numbers", user="ann", projects=[3, 1]), "/api/me").json()["key"]
    assert (shown["user"], shown["users"], shown["project_ids"]) == ("ann", ["ann"], [3, 1])
    shown = api.get(api.key("read", users=["ann", "bob"]), "/api/me").json()["key"]
    assert (shown["user"], shown["users"]) == (None, ["ann", "bob"])


def test_what_a_key_is_told_of_itself_takes_no_parameter(api: Api) -> None:
    is_error(api.get(api.key("read"), "/api/me?x=1"), 400, "VALIDATION_ERROR")
