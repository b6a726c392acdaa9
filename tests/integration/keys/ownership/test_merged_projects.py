"""PATCH /api/projects/{id} and its undo: names, groups, archive, merges; the keys that are bound to projects, and the audit log."""

from typing import Any, ClassVar

import pytest

from services.worker.maintenance import join_projects, rekey_projects
from services.worker.persist.ownership import ForeignEvents
from services.worker.resources import Resources
from shared.events.messages import Binding
from tests.integration.keys.conftest import Api, is_error
from tests.integration.worker.all_tables import all_tables, differences
from tests.integration.worker.maintenance.sessions_of_users import session, store


@pytest.fixture
def ids(worker: Resources, api: Api) -> dict[str, int]:
    """Two projects with two sessions each, by the last word of the path."""
    for path in ("/w/shop", "/w/fix", "/w/api"):
        store(worker, [event for n in range(2) for event in session(f"{path[3:]}-{n}", "ann", 7 * n, path)])
    return {row["name"]: row["id"] for row in api.select("SELECT id, name FROM projects")}


def change(api: Api, key: str | None, project_id: int, **wanted: Any) -> Any:
    return api.ask(key, "PATCH", f"/api/projects/{project_id}", json=wanted)


def undo(api: Api, key: str | None, project_id: int, **wanted: Any) -> Any:
    return api.post(key, f"/api/projects/{project_id}/undo", wanted)


def move_all(api: Api, worker: Resources) -> None:
    while waiting := api.select("SELECT id FROM projects WHERE rekey_requested_at IS NOT NULL"):
        for row in waiting:
            rekey_projects.run(worker, row["id"])


def listed(api: Api, key: str, query: str = "") -> dict[str, int]:
    return {item["label"]: item["total_sessions"] for item in api.get(key, f"/api/projects{query}").json()}


def test_a_merge_is_told_with_its_reason_and_undone(api: Api, admin: str, worker: Resources, ids: dict[str, int]) -> None:
    before = all_tables(worker)
    answer = change(api, admin, ids["fix"], merged_into=ids["shop"])
    assert (answer.status_code, answer.json()["status"], answer.json()["merged_into"]) == (202, "moving", ids["shop"])
    assert change(api, admin, ids["fix"], merged_into=ids["shop"]).json()["status"] == "moving"

    move_all(api, worker)

    # Then the two are one in the list, and the project says which paths it has and why
    assert change(api, admin, ids["fix"], merged_into=ids["shop"]).status_code == 200
    assert listed(api, admin) == {"shop": 4, "api": 2}
    [part] = api.get(admin, f"/api/projects/{ids['shop']}").json()["parts"]
    assert (part["path"], part["merged_by"], part["is_moving"]) == ("/w/fix", "hand", False)
    assert part["because"].startswith("A person merged them, with the key ")
    told = api.get(admin, f"/api/projects/{ids['fix']}").json()
    assert (told["merged_into"], told["part_of"]["part_of"], told["total_sessions"]) == (ids["shop"], ids["shop"], 0)
    assert [each["what"] for each in told["changes"]] == [["merge"]]

    # And an undo gives back what there was
    assert undo(api, admin, ids["fix"]).status_code == 202
    move_all(api, worker)
    assert listed(api, admin) == {"shop": 2, "fix": 2, "api": 2}
    assert all_tables(worker) == before
    assert differences(worker) == {}
    assert is_error(undo(api, admin, ids["fix"]), 409, "CONFLICT")
    acts = [item["act"] for item in api.get(admin, "/api/audit").json()["items"]]
    assert sorted(acts) == ["project.change", "project.undo"]


def test_a_project_is_never_part_of_itself(api: Api, admin: str, worker: Resources, ids: dict[str, int]) -> None:
    assert change(api, admin, ids["fix"], merged_into=ids["shop"]).status_code == 202
    assert change(api, admin, ids["shop"], merged_into=ids["api"]).status_code == 202

    assert is_error(change(api, admin, ids["api"], merged_into=ids["fix"]), 409, "CONFLICT")
    assert is_error(change(api, admin, ids["api"], merged_into=ids["api"]), 409, "CONFLICT")

    assert is_error(change(api, admin, ids["api"], merged_into=10**9), 404, "PROJECT_NOT_FOUND")
    move_all(api, worker)
    assert listed(api, admin) == {"api": 6}


def test_name_group_and_archive_can_be_changed_and_undone_one_by_one(api: Api, admin: str, ids: dict[str, int]) -> None:
    shop = ids["shop"]
    assert change(api, admin, shop, name=" Web shop ").json()["name"] == "Web shop"
    assert change(api, admin, shop, group="work").json()["group"] == "work"
    assert change(api, admin, shop, archived=True).json()["archived"] is True

    # Then an archived project is listed only if it is asked for, and counts in sums
    assert listed(api, admin) == {"fix": 2, "api": 2}
    assert listed(api, admin, "?archived=all&group=work") == {"Web shop": 2}
    assert api.get(admin, "/api/stats").json()["totals"]["sessions"] == 6

    # And each undo takes the newest back
    assert undo(api, admin, shop).json()["archived"] is False
    assert undo(api, admin, shop).json()["group"] is None
    assert undo(api, admin, shop).json()["name"] == "shop"
    assert is_error(undo(api, admin, shop), 409, "CONFLICT")
    assert change(api, admin, shop, name="x").json()["name"] == "x"
    assert change(api, admin, shop, name=None).json()["name"] == "shop"


@pytest.mark.parametrize("wanted", [{"name": "  "}, {"group": "a\nb"}, {"name": 7}, {"merged_into": 0}, {"archived": "yes"}])
def test_what_is_not_valid_is_refused(api: Api, admin: str, ids: dict[str, int], wanted: dict[str, Any]) -> None:
    is_error(change(api, admin, ids["shop"], **wanted), 400, "VALIDATION_ERROR")


@pytest.mark.parametrize("bound_to", ["shop", "fix"])
def test_a_merge_that_would_show_a_bound_key_more_is_refused_unless_it_is_confirmed(
    api: Api, admin: str, worker: Resources, ids: dict[str, int], bound_to: str
) -> None:
    key = api.key("ingest", "read", projects=[ids[bound_to]])

    message = is_error(change(api, admin, ids["fix"], merged_into=ids["shop"]), 409, "KEYS_WOULD_SEE_MORE")
    assert "a test's ingest read" in message
    assert listed(api, key) == {bound_to: 2}

    # When it is confirmed
    assert change(api, admin, ids["fix"], merged_into=ids["shop"], widen_keys=True).status_code == 202
    move_all(api, worker)
    other = api.key("read", projects=[ids[bound_to]])

    # Then a key of either sees the whole, with its parts
    assert listed(api, other) == {"shop": 4}
    assert [each["path"] for each in api.get(other, f"/api/projects/{ids['shop']}").json()["parts"]] == ["/w/fix"]
    assert {item["session_id"] for item in api.get(other, "/api/sessions").json()["items"]} == {"shop-0", "shop-1", "fix-0", "fix-1"}

    # And after an undo it sees what it saw before
    assert undo(api, admin, ids["fix"]).status_code == 202
    move_all(api, worker)
    assert listed(api, api.key("read", projects=[ids[bound_to]])) == {bound_to: 2}


def test_a_key_of_both_or_of_neither_stops_no_merge(api: Api, admin: str, ids: dict[str, int]) -> None:
    api.key("read", projects=[ids["fix"], ids["shop"]])
    api.key("read", projects=[ids["api"]])
    assert change(api, admin, ids["fix"], merged_into=ids["shop"]).status_code == 202


def test_no_key_is_made_for_a_part(api: Api, admin: str, ids: dict[str, int]) -> None:
    """Such a key would see the whole, which nobody said."""
    assert change(api, admin, ids["fix"], merged_into=ids["shop"]).status_code == 202
    wanted = {"name": "ci", "scopes": ["read"], "project_ids": [ids["fix"]]}
    message = is_error(api.post(admin, "/api/keys", wanted), 400, "VALIDATION_ERROR")
    assert f"project {ids['fix']} is part of project {ids['shop']}: bind the key to that, the whole" in message
    both = is_error(api.post(admin, "/api/keys", wanted | {"project_ids": [ids["fix"], 999_999]}), 400, "VALIDATION_ERROR")
    assert "the whole; there is no project 999999; see /api/projects" in both


def test_a_key_of_a_part_goes_on_writing_while_sessions_move_and_after(
    api: Api, admin: str, worker: Resources, ids: dict[str, int]
) -> None:
    """given a key that was bound to what became a part, then what it sends is stored at each moment: merged, moved, taken out, moved back."""
    bound = Binding(None, (ids["fix"],))
    key = api.key("ingest", "read", projects=[ids["fix"]])
    start = {"project_path": "/w/fix", "session_id": "by-door"}
    for n, step in enumerate(("merge", "move", "undo", "move")):
        if step == "merge":
            assert change(api, admin, ids["fix"], merged_into=ids["shop"], widen_keys=True).status_code == 202
        elif step == "undo":
            assert undo(api, admin, ids["fix"]).status_code == 202
        else:
            move_all(api, worker)
        store(worker, session(f"new-{n}", "ann", 20 + n, "/w/fix"), bound=bound)
        store(worker, session("fix-0", "ann", 50 + n, "/w/fix"), bound=bound)
        assert differences(worker) == {}
        counts_under = ids["shop"] if n < 2 else ids["fix"]
        own = api.key("ingest", projects=[ids["fix"]])
        answer = api.post(own, "/api/sessions/start", start | {"session_id": f"by-door-{n}"})
        assert (answer.status_code, answer.json()["project_id"]) == (201, counts_under)
    # Another project stays closed
    with pytest.raises(ForeignEvents):
        store(worker, session("stray", "ann", 1, "/w/api"), bound=bound)
    is_error(api.post(key, "/api/sessions/start", start | {"project_path": "/w/api", "session_id": "stray"}), 403, "FORBIDDEN")


def test_a_rule_about_paths_is_added_listed_and_deleted_with_its_merges(
    api: Api, admin: str, worker: Resources, ids: dict[str, int]
) -> None:
    wanted = {"pattern": "/*/fi*", "project_id": ids["shop"]}
    added = api.post(admin, "/api/project-rules", wanted)
    assert added.status_code == 201, added.text
    assert api.post(admin, "/api/project-rules", wanted).status_code == 200
    is_error(api.post(admin, "/api/project-rules", wanted | {"project_id": ids["api"]}), 409, "CONFLICT")
    is_error(api.post(admin, "/api/project-rules", wanted | {"pattern": "**/x", "project_id": 10**9}), 404, "PROJECT_NOT_FOUND")
    is_error(api.post(admin, "/api/project-rules", wanted | {"pattern": "fix"}), 400, "VALIDATION_ERROR")

    join_projects.run(worker)
    move_all(api, worker)

    [rule] = api.get(admin, "/api/project-rules").json()["items"]
    assert (rule["pattern"], rule["project_name"], rule["merged"]) == ("/*/fi*", "shop", 1)
    [part] = api.get(admin, f"/api/projects/{ids['shop']}").json()["parts"]
    assert part["because"] == "The rule /*/fi* says so."
    is_error(api.get(api.key("read", projects=[ids["shop"]]), "/api/project-rules"), 403, "FORBIDDEN")

    # When the rule goes, what it merged is taken out
    gone = api.ask(admin, "DELETE", f"/api/project-rules/{rule['id']}")
    assert (gone.status_code, gone.json()["projects_taken_out"]) == (200, 1)
    is_error(api.ask(admin, "DELETE", f"/api/project-rules/{rule['id']}"), 404, "RULE_NOT_FOUND")
    move_all(api, worker)
    join_projects.run(worker)
    assert listed(api, admin) == {"shop": 2, "fix": 2, "api": 2}
    assert differences(worker) == {}


class TestRepositoriesOfAMachine:
    BODY: ClassVar[dict[str, Any]] = {
        "repositories": [
            {"path": "/w/shop", "common_dir": "/w/shop/.git", "remote": "https://ann:t0ken@github.com/Acme/shop.git", "is_main": True},
            {"path": "/w/fix/", "common_dir": "/w/shop/.git", "inside": "./", "is_main": False},
            {"path": "not a path"},
        ]
    }

    def test_they_are_stored_without_credentials_and_only_changes_count(self, api: Api) -> None:
        key = api.key("ingest")
        first = api.ask(key, "PUT", "/api/machines/m1/repositories", json=self.BODY)
        assert (first.status_code, first.json()) == (200, {"machine_id": "m1", "changed": 2})
        assert api.ask(key, "PUT", "/api/machines/m1/repositories", json=self.BODY).json()["changed"] == 0

        stored = api.select("SELECT path, common_dir, remote, inside FROM project_places ORDER BY id")
        assert [tuple(row.values()) for row in stored] == [
            ("/w/fix", "/w/shop/.git", None, ""),
            ("/w/shop", "/w/shop/.git", "github.com/acme/shop", ""),
        ]

    def test_keys_of_projects_and_of_other_users_tell_nothing(self, api: Api, ids: dict[str, int]) -> None:
        assert api.ask(api.key("ingest", user="ann"), "PUT", "/api/machines/m1", json={"name": "laptop"}).status_code == 200
        is_error(
            api.ask(api.key("ingest", projects=[ids["shop"]]), "PUT", "/api/machines/m1/repositories", json=self.BODY), 403, "FORBIDDEN"
        )
        is_error(api.ask(api.key("ingest", user="bob"), "PUT", "/api/machines/m1/repositories", json=self.BODY), 403, "FORBIDDEN")
        is_error(api.ask(api.key("read"), "PUT", "/api/machines/m1/repositories", json=self.BODY), 403, "FORBIDDEN")
        assert api.ask(api.key("ingest", user="ann"), "PUT", "/api/machines/m1/repositories", json=self.BODY).status_code == 200

    def test_what_is_too_much_or_no_object_is_refused(self, api: Api) -> None:
        key = api.key("ingest")
        for body in (
            {"repositories": [{"path": f"/w/{n}"} for n in range(201)]},
            {"repositories": {}},
            {},
            {"repositories": [{"path": ""}]},
        ):
            is_error(api.ask(key, "PUT", "/api/machines/m1/repositories", json=body), 400, "VALIDATION_ERROR")
