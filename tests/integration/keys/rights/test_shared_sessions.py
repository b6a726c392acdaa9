"""A session is private or shared: by its own word, else its project's, else the server's."""

from itertools import product
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.keys.conftest import Api, is_error, running
from tests.integration.keys.rights.people import AT, build
from tests.integration.query import seed


@pytest.mark.parametrize("default", ["private", "shared"])
def test_the_nearest_word_holds(database_url: str, redis_url: str, tmp_path: Path, admin: str, default: str) -> None:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        sessions = build(connection)
    shared = {session_id for session_id, is_shared in sessions.items() if (default == "shared" if is_shared is None else is_shared)}
    with running(database_url, redis_url, tmp_path / "blobs", "keys", sessions=default) as api:
        ann, bob = api.key("read", user="ann"), api.key("read", user="bob")
        api.catch_up()

        for path in ("/api/sessions", "/api/conversations", "/api/conversations/search?q=words", "/api/search?q=words"):
            assert {each["session_id"] for each in api.get(ann, path).json()["items"]} == shared, path
            assert {each["session_id"] for each in api.get(bob, path).json()["items"]} == set(sessions), path
        for session_id in sessions:
            assert api.get(ann, f"/api/sessions/{session_id}").status_code == (200 if session_id in shared else 404)
        assert {each["name"] for each in api.get(ann, "/api/projects").json()} == {each.partition("-")[0] for each in shared}
        assert api.get(ann, "/api/stats").json()["totals"]["sessions"] == 0
        assert api.get(ann, "/api/me").json()["sessions"] == default


@pytest.fixture
def world(api: Api) -> Api:
    with psycopg.connect(api.database_url, autocommit=True, options="-c timezone=UTC") as connection:
        project = seed.add_project(connection, "/shop")
        for name in ("ann", "bob"):
            seed.add_session(connection, f"{name}s", project, seed.add_user(connection, name), started_at=AT)
        seed.compute_totals(connection)
    return api


def share(api: Api, key: str, session_id: str, visibility: str | None) -> Any:
    return api.ask(key, "PATCH", f"/api/sessions/{session_id}", json={"visibility": visibility})


def seen(api: Api, key: str) -> set[str]:
    return {each["session_id"] for each in api.get(key, "/api/sessions").json()["items"]}


def test_the_owner_shares_a_session_and_takes_it_back(world: Api) -> None:
    ann, bob = world.key("ingest", "read", user="ann"), world.key("ingest", "read", user="bob")
    assert (seen(world, ann), seen(world, bob)) == ({"anns"}, {"bobs"})

    answer = share(world, bob, "bobs", "shared")

    assert (answer.status_code, answer.json()["visibility"]) == (200, "shared")
    assert seen(world, ann) == {"anns", "bobs"}
    assert world.get(ann, "/api/sessions/bobs").json()["visibility"] == "shared"
    # A shared session may be read, not changed.
    is_error(share(world, ann, "bobs", "private"), 404, "SESSION_NOT_FOUND")
    assert share(world, bob, "bobs", None).json()["visibility"] is None
    assert seen(world, ann) == {"anns"}
    is_error(share(world, bob, "bobs", "public"), 400, "VALIDATION_ERROR")


def test_a_key_of_several_users_and_a_reading_key_share_nothing(world: Api) -> None:
    for key in (world.key("read", users=["ann", "bob"]), world.key("read", user="bob")):
        is_error(share(world, key, "bobs", "shared"), 403, "FORBIDDEN")


def change(api: Api, key: str | None, project_id: int, **wanted: Any) -> Any:
    return api.ask(key, "PATCH", f"/api/projects/{project_id}", json=wanted)


def test_an_admin_shares_a_project_and_takes_it_back(world: Api, admin: str) -> None:
    ann, [project] = world.key("ingest", "read", user="ann"), world.select("SELECT id FROM projects")
    is_error(change(world, ann, project["id"], visibility="shared"), 403, "FORBIDDEN")

    for _ in range(2):
        answer = change(world, admin, project["id"], visibility="shared")
        assert (answer.status_code, answer.json()["visibility"]) == (200, "shared")

    assert seen(world, ann) == {"anns", "bobs"}
    assert [project["visibility"] for project in world.get(ann, "/api/projects").json()] == ["shared"]
    # A session without its own has its project's, in the answer to a mark as in lists
    assert share(world, ann, "anns", None).json()["visibility"] == "shared"
    assert share(world, ann, "anns", "private").json()["visibility"] == "private"
    assert share(world, ann, "anns", None).json()["visibility"] == world.get(ann, "/api/sessions/anns").json()["visibility"] == "shared"
    acts = world.select("SELECT subject, details FROM audit_log WHERE act = 'project.change'")
    assert acts == [{"subject": str(project["id"]), "details": {"visibility": "shared"}}]
    assert [each["what"] for each in world.get(admin, f"/api/projects/{project['id']}").json()["changes"]] == [["visibility"]]
    undone = world.ask(admin, "POST", f"/api/projects/{project['id']}/undo", json={})
    assert (undone.status_code, undone.json()["visibility"]) == (200, None)
    assert seen(world, ann) == {"anns"}
    is_error(change(world, admin, 99999, visibility=None), 404, "PROJECT_NOT_FOUND")
    is_error(change(world, admin, project["id"], visibility="public"), 400, "VALIDATION_ERROR")


def test_another_change_of_a_project_leaves_its_visibility(world: Api, admin: str) -> None:
    [project] = world.select("SELECT id FROM projects")
    change(world, admin, project["id"], visibility="shared")

    assert change(world, admin, project["id"], name="Shop").json()["visibility"] == "shared"
    assert world.ask(admin, "POST", f"/api/projects/{project['id']}/undo", json={}).json()["visibility"] == "shared"


def test_a_private_project_becomes_part_of_a_shared_one_only_by_a_further_word(world: Api, admin: str) -> None:
    with psycopg.connect(world.database_url, autocommit=True) as connection:
        shared = seed.add_project(connection, "/shared")
    [private] = world.select("SELECT id FROM projects WHERE path = '/shop'")
    change(world, admin, private["id"], visibility="private")
    change(world, admin, shared, visibility="shared")

    message = is_error(change(world, admin, private["id"], merged_into=shared), 409, "KEYS_WOULD_SEE_MORE")

    assert "keys of other users could then read its sessions" in message
    assert world.select("SELECT merged_into FROM projects WHERE id = %s", private["id"]) == [{"merged_into": None}]
    assert change(world, admin, private["id"], merged_into=shared, widen_keys=True).status_code == 202
    # Its own word waits until it is taken out again.
    message = is_error(change(world, admin, private["id"], visibility="private"), 409, "CONFLICT")
    assert f"is part of project {shared}, whose visibility counts" in message
    taken_out = change(world, admin, private["id"], merged_into=None).json()
    assert (taken_out["merged_into"], taken_out["visibility"]) == (None, "private")


@pytest.mark.parametrize(("scopes", "more"), list(product([["read"], ["metrics"], ["numbers"]], [{}, {"users": ["ann", "bob"]}])))
def test_sums_of_several_users_need_one_of_them(world: Api, scopes: list[str], more: dict[str, Any]) -> None:
    key = world.key(*scopes, **more)
    for path in (
        "/api/stats",
        "/api/usage",
        "/api/tool-calls/stats",
        "/api/tool-calls/errors",
        "/api/days/2024-05-01",
        "/api/compare?start_date=2024-05-01&end_date=2024-05-02",
    ):
        if more:
            assert "the users ann, bob" in is_error(world.get(key, path), 400, "VALIDATION_ERROR")
        else:
            assert world.get(key, path).status_code == 200
    if more:
        assert world.get(key, "/api/stats?user=bob").json()["totals"]["sessions"] == 1
        assert world.get(key, "/api/stats?user=zed").json()["totals"]["sessions"] == 0


def test_a_cursor_is_refused_under_another_user(world: Api) -> None:
    keys = [world.key("read"), world.key("read", user="ann"), world.key("read", user="bob"), world.key("read", users=["ann", "bob"])]
    [cursor] = {world.get(keys[0], "/api/sessions?limit=1").json()["next_cursor"]}

    assert [world.get(key, f"/api/sessions?limit=1&cursor={cursor}").status_code for key in keys] == [200, 400, 400, 400]


def test_a_merged_user_is_read_by_keys_of_both_names(world: Api, admin: str) -> None:
    ann, bob, both = world.key("read", user="ann"), world.key("read", user="bob"), world.key("read", users=["ann", "zed"])

    assert world.ask(admin, "PATCH", "/api/users/bob", json={"name": "ann"}).status_code == 202

    # The rows have not moved yet.
    assert seen(world, ann) == seen(world, bob) == seen(world, both) == {"anns", "bobs"}
