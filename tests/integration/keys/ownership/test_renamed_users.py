"""PATCH /api/users/{name}: renames and merges of users, the keys that are bound to them, and the audit log."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import psycopg
import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.maintenance import merge_users
from services.worker.resources import Resources
from shared.events.messages import SessionStart, ToolCall
from tests.integration.keys.conftest import Api, is_error
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.files_of_sessions import EPOCH
from tests.integration.worker.maintenance.sessions_of_users import session, store

CONTRACT = Path(__file__).parents[4] / "shared" / "openapi.json"
START = {"project_path": "/p/one"}


def rename(api: Api, key: str | None, name: str, new_name: Any) -> Any:
    return api.ask(key, "PATCH", f"/api/users/{quote(name, safe='')}", json={"name": new_name})


def users_of_sessions(api: Api, admin: str) -> dict[str, str]:
    return {item["session_id"]: item["user"] for item in api.get(admin, "/api/sessions").json()["items"]}


def merge_all(api: Api, worker: Resources) -> None:
    for row in api.select("SELECT id FROM users WHERE merge_requested_at IS NOT NULL"):
        while merge_users.run(worker, row["id"]):
            pass


def test_a_rename_changes_what_is_stored_and_keeps_the_former_name_as_an_alias(api: Api, admin: str, worker: Resources) -> None:
    store(worker, session("s1", "ann", 0))
    answer = rename(api, admin, "ann", "ann.lee/éè")
    assert (answer.status_code, answer.json()["status"]) == (200, "done")
    assert users_of_sessions(api, admin) == {"s1": "ann.lee/éè"}

    # Later events of either name are the same user's
    store(worker, session("s2", "ann", 20))
    store(worker, session("s3", "ann.lee/éè", 40))
    assert set(users_of_sessions(api, admin).values()) == {"ann.lee/éè"}
    assert differences(worker) == {}

    # The same request again changes nothing
    assert rename(api, admin, "ann", "ann.lee/éè").json() == answer.json()
    [act] = [item for item in api.get(admin, "/api/audit").json()["items"] if item["act"] == "user.rename"]
    assert (act["subject"], act["details"]) == ("ann", {"name": "ann.lee/éè"})


def test_a_user_can_get_the_former_name_back(api: Api, admin: str, worker: Resources) -> None:
    store(worker, session("s1", "ann", 0))
    assert rename(api, admin, "ann", "anna").status_code == 200
    assert rename(api, admin, "anna", "ann").status_code == 200
    assert users_of_sessions(api, admin) == {"s1": "ann"}
    store(worker, session("s2", "anna", 20))
    assert users_of_sessions(api, admin) == {"s1": "ann", "s2": "ann"}
    assert rename(api, admin, "ann", "ann").status_code == 200


def test_a_name_that_another_user_has_merges_the_two(api: Api, admin: str, worker: Resources) -> None:
    store(worker, [*session("s1", "ann", 0), *session("s2", "bob", 20)])
    answer = rename(api, admin, "bob", "ann")
    assert (answer.status_code, answer.json()["status"]) == (202, "merging")
    assert rename(api, admin, "bob", "ann").json()["status"] == "merging"
    with worker.transaction() as connection:
        connection.execute("UPDATE users SET merge_failure = 'Postgres refuses the worker.' WHERE merge_requested_at IS NOT NULL")
    failed = rename(api, admin, "bob", "ann").json()
    assert (failed["status"], failed["message"]) == ("failed", "Postgres refuses the worker. It is tried again now, and each hour.")

    merge_all(api, worker)

    done = rename(api, admin, "bob", "ann")
    assert (done.status_code, done.json()["status"]) == (200, "done")
    assert users_of_sessions(api, admin) == {"s1": "ann", "s2": "ann"}
    assert differences(worker) == {}


def test_merges_in_a_row_end_with_the_last_user(api: Api, admin: str, worker: Resources) -> None:
    store(worker, [*session("s1", "ann", 0), *session("s2", "bob", 20), *session("s3", "cid", 40)])
    assert rename(api, admin, "ann", "bob").status_code == 202
    assert rename(api, admin, "bob", "cid").status_code == 202
    merge_all(api, worker)
    store(worker, session("s4", "ann", 60))
    assert set(users_of_sessions(api, admin).values()) == {"cid"}
    assert differences(worker) == {}


@pytest.mark.parametrize("new_name", ["anna", "bob"])
def test_a_key_of_a_renamed_or_merged_user_goes_on_writing(api: Api, admin: str, worker: Resources, new_name: str) -> None:
    store(worker, [*session("s1", "ann", 0), *session("s2", "bob", 20)])
    key = api.key("ingest", user="ann")
    message = {"session_id": "mine", "role": "user", "content": "How?"}
    # Given a session of the key whose start is known to ingest under the former name
    assert api.post(key, "/api/sessions/start", START | {"session_id": "mine"}).status_code == 201
    assert api.post(key, "/api/conversations", message).status_code == 201

    assert rename(api, admin, "ann", new_name).status_code in (200, 202)

    # Then it writes on, also when ingest has seen that the key is bound to the new name
    assert [row["user_name"] for row in api.select("SELECT user_name FROM api_keys WHERE user_name IS NOT NULL")] == [new_name]
    other = api.key("ingest", user=new_name)
    for each in (key, other):
        assert api.post(each, "/api/conversations", message).status_code == 201
        assert api.post(each, "/api/events", [message | {"type": "conversation"}]).json()["accepted"] == 1
        assert api.post(each, "/api/conversations", message | {"session_id": "s1"}).status_code == 201
    # And sessions of others stay closed to it
    stranger = api.key("ingest", user="cid")
    is_error(api.post(stranger, "/api/conversations", message), 403, "FORBIDDEN")


def test_wrong_names_are_refused(api: Api, admin: str, worker: Resources) -> None:
    store(worker, [*session("s1", "ann", 0), *session("s2", "bob", 20), *session("s3", "cid", 40)])
    is_error(rename(api, admin, "nobody", "x"), 404, "USER_NOT_FOUND")
    for name in ("", "x" * 201, "a\nb", None, 7):
        is_error(rename(api, admin, "ann", name), 400, "VALIDATION_ERROR")
    is_error(rename(api, admin, "a\x07", "x"), 400, "VALIDATION_ERROR")
    is_error(rename(api, admin, "x" * 201, "x"), 400, "VALIDATION_ERROR")
    is_error(rename(api, api.key("read", "ingest"), "ann", "x"), 403, "FORBIDDEN")

    # A former name is no user, and nobody else can have it
    assert rename(api, admin, "ann", "anna").status_code == 200
    is_error(rename(api, admin, "ann", "x"), 404, "USER_NOT_FOUND")
    is_error(rename(api, admin, "bob", "ann"), 409, "CONFLICT")
    is_error(rename(api, admin, "ann", "ann"), 404, "USER_NOT_FOUND")
    assert users_of_sessions(api, admin) == {"s1": "anna", "s2": "bob", "s3": "cid"}


def test_a_rename_to_a_name_that_is_added_in_this_moment_is_a_conflict(api: Api, admin: str, worker: Resources, database_url: str) -> None:
    store(worker, session("s1", "ann", 0))
    waits = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(database_url) as other, ThreadPoolExecutor(1) as threads:
        # Given a worker that has added the user and not committed
        other.execute("INSERT INTO users (name) VALUES ('new')")
        answer = threads.submit(rename, api, admin, "ann", "new")
        assert wait_until(lambda: bool(api.select(waits)), 60)
        other.commit()
    # Then the request is refused, or had to wait too long on a busy machine
    assert answer.result().status_code in (409, 503)
    assert users_of_sessions(api, admin) == {"s1": "ann"}
    # And sent again it is a merge
    assert rename(api, admin, "ann", "new").status_code == 202


# The values for a path and its required parameters.
ASKED = {
    "date": EPOCH.date().isoformat(), "project_id": 1, "session_id": "s1", "path": "/f/x.py", "measure": "sessions",
    "start_date": EPOCH.date().isoformat(), "end_date": EPOCH.date().isoformat(), "q": "So",
}  # fmt: skip
# A stream does not end; tests/integration/query/live has it.
STREAMS = {"/api/live"}
QUERIES = {"/api/search": ["q"], "/api/conversations/search": ["q"]}


def paths_with_a_user() -> list[tuple[str, list[str]]]:
    """Every path that is filtered by a user, with what else it needs, by the contract."""
    document = json.loads(CONTRACT.read_text(encoding="utf-8"))
    shared = document["components"].get("parameters", {})
    found = []
    for path, methods in document["paths"].items():
        given = [
            shared[each["$ref"].rsplit("/", 1)[-1]] if "$ref" in each else each for each in methods.get("get", {}).get("parameters", [])
        ]
        if path not in STREAMS and any(each["name"] == "user" for each in given):
            found.append((path, [each["name"] for each in given if each.get("required") and each["in"] == "query"] + QUERIES.get(path, [])))
    return found


def test_a_former_name_filters_as_the_present_one(api: Api, admin: str, worker: Resources, subtests: pytest.Subtests) -> None:
    # Given sessions of two users, and of ann an open one, a failed call, a tag, a machine and a reading; ann is then renamed
    now = datetime.now(UTC)
    begun = SessionStart(project_path="/p/one", start_time=now, user="ann", session_id="open", id=uuid4())
    failed = ToolCall(session_id="open", tool_name="Bash", result_status="error", execution_time_ms=5, timestamp=now, id=uuid4())
    store(worker, [*session("s1", "ann", 0), *session("s2", "bob", 20), begun, failed])
    assert api.ask(admin, "PATCH", "/api/sessions/s1", json={"tags": ["bug"]}).status_code == 200
    api.select("INSERT INTO machines (machine_id, name, user_name) VALUES ('m', 'laptop', 'ann') RETURNING 1")
    api.select(
        """INSERT INTO quota_readings (user_id, machine_id, source, kind, resets_at, used_percentage, first_read_at, last_read_at)
           SELECT id, 'm', 'status_line', 'five_hour', now() + interval '1 hour', 7, now(), now() FROM users WHERE name = 'ann' RETURNING 1"""
    )
    assert rename(api, admin, "ann", "anna").status_code == 200
    api.catch_up()

    # Then every path finds the same by both names
    def answer(path: str, needed: list[str], user: str) -> Any:
        query = urlencode({name: ASKED[name] for name in needed} | {"user": user})
        found = api.get(admin, f"{path.format_map(ASKED)}?{query}")
        assert found.status_code == 200, found.text
        # Without what was asked for
        return re.sub(rf'(user=|"user":"){user}"', "", found.text).replace('"user":"anna"', "")

    for path, needed in paths_with_a_user():
        with subtests.test(path):
            assert answer(path, needed, "ann") == answer(path, needed, "anna")
            assert answer(path, needed, "anna") != answer(path, needed, "nobody")


def test_exports_of_a_renamed_user_stay_the_users(api: Api, admin: str, worker: Resources) -> None:
    # Given an export that ann started
    store(worker, session("s1", "ann", 0))
    anns, bobs = api.key("read", user="ann"), api.key("read", user="bob")
    export_id = api.post(anns, "/api/exports", {"user": "ann"}).json()["export_id"]

    # When ann is renamed
    assert rename(api, admin, "ann", "anna").status_code == 200

    # Then it is ann's to see and to delete, and the same again is the same export
    assert [each["export_id"] for each in api.get(anns, "/api/exports").json()["items"]] == [export_id]
    assert api.get(bobs, "/api/exports").json()["items"] == []
    is_error(api.ask(bobs, "DELETE", f"/api/exports/{export_id}"), 404, "EXPORT_NOT_FOUND")
    assert api.ask(anns, "DELETE", f"/api/exports/{export_id}").status_code == 200
