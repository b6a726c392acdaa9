"""/api/retention: rules, runs, and what lets a dropped session come again; who may, and what the audit log says."""

from typing import Any
from uuid import uuid4

import pytest

from tests.integration.keys.conftest import Api, is_error

RULES, RUNS = "/api/retention/rules", "/api/retention/runs"


def set_rule(api: Api, key: str, what: str = "texts", days: int | None = 90, **of: Any) -> Any:
    return api.ask(key, "PUT", RULES, json={"what": what, "days": days, **of})


def add_owners(api: Api) -> int:
    api.select("INSERT INTO users (name) VALUES ('ann') RETURNING id")
    api.select("INSERT INTO users (name, alias_of) SELECT 'anna', id FROM users WHERE name = 'ann' RETURNING id")
    [project] = api.select("INSERT INTO projects (path, name) VALUES ('/p/one', 'one') RETURNING id")
    return int(project["id"])


def rules(api: Api, key: str) -> list[tuple[Any, ...]]:
    return [(rule["what"], rule["days"], rule["project_name"], rule["user"]) for rule in api.get(key, "/api/retention").json()["rules"]]


def acts(api: Api) -> list[str]:
    return [row["act"] for row in api.select("SELECT act FROM audit_log ORDER BY id")]


def test_without_a_rule_everything_is_kept_for_good(api: Api, admin: str) -> None:
    found = api.get(admin, "/api/retention").json()

    assert {setting["days"] for setting in found["settings"]} == {None}
    assert [setting["what"] for setting in found["settings"]][:2] == ["texts", "sessions"]
    assert (found["rules"], found["last_run"], found["last_dry_run"]) == ([], None, None)


def test_rules_of_everything_of_a_project_and_of_a_user_are_set_changed_and_taken_back(api: Api, admin: str) -> None:
    project_id = add_owners(api)

    assert set_rule(api, admin).status_code == 200
    assert set_rule(api, admin, days=30, project_id=project_id).status_code == 200
    assert set_rule(api, admin, days=None, user="anna").status_code == 200
    changed = set_rule(api, admin, days=60)

    assert changed.json()["days"] == 60
    assert rules(api, admin) == [("texts", 60, None, None), ("texts", 30, "one", None), ("texts", None, None, "ann")]
    gone = api.ask(admin, "DELETE", f"{RULES}/{changed.json()['id']}")
    assert (gone.status_code, gone.json()["what"]) == (200, "texts")
    assert is_error(api.ask(admin, "DELETE", f"{RULES}/{changed.json()['id']}"), 404, "RETENTION_RULE_NOT_FOUND")
    assert len(rules(api, admin)) == 2
    assert acts(api) == ["retention.set"] * 4 + ["retention.unset"]


@pytest.mark.parametrize(
    "rule",
    [
        {"what": "all", "days": 1},
        {"what": "texts", "days": 0},
        {"what": "texts"},
        {"what": "audit", "days": 1, "project_id": 1},
        {"what": "texts", "days": 1, "project_id": 1, "user": "ann"},
    ],
)
def test_a_rule_that_cannot_be_is_refused(api: Api, admin: str, rule: dict[str, Any]) -> None:
    add_owners(api)

    assert is_error(api.ask(admin, "PUT", RULES, json=rule), 400, "VALIDATION_ERROR")
    assert acts(api) == []


def test_a_rule_of_somebody_unknown_is_refused(api: Api, admin: str) -> None:
    assert "/api/projects" in is_error(set_rule(api, admin, project_id=77), 404, "PROJECT_NOT_FOUND")
    assert "/api/users" in is_error(set_rule(api, admin, user="nobody"), 404, "USER_NOT_FOUND")
    assert acts(api) == []


def test_a_run_is_started_shown_and_in_the_audit_log(api: Api, admin: str) -> None:
    started = api.post(admin, RUNS, {"dry_run": True})

    assert started.status_code == 202
    shown = api.get(admin, started.headers["Location"]).json()
    assert (shown["status"], shown["dry_run"], shown["scheduled"], shown["dropped"]) == ("queued", True, False, [])
    assert is_error(api.get(admin, f"{RUNS}/{uuid4()}"), 404, "RETENTION_RUN_NOT_FOUND")
    assert acts(api) == ["retention.run"]


def test_one_run_drops_at_a_time_and_any_number_counts(api: Api, admin: str) -> None:
    assert api.post(admin, RUNS, {}).status_code == 202

    assert is_error(api.post(admin, RUNS, {}), 409, "CONFLICT")
    assert api.post(admin, RUNS, {"dry_run": True}).status_code == 202
    assert acts(api) == ["retention.run", "retention.run"]


def test_what_was_dropped_may_come_again_if_an_admin_says_so(api: Api, admin: str) -> None:
    """given a session that has expired, one that was erased, and one without texts, then only what was erased stays kept out."""
    api.select(
        """INSERT INTO tombstones (key, kind, reason)
           VALUES (tombstone_key('session', 'old'), 'session', 'expired'), (tombstone_key('session', 'erased'), 'session', 'erased') RETURNING 1"""
    )
    api.select("INSERT INTO dropped_texts (session_id, before, is_done) VALUES ('silent', now(), true) RETURNING 1")

    allowed = {name: api.post(admin, "/api/retention/allow", {"session_id": name}).json() for name in ("old", "erased", "silent", "other")}

    assert {name: (answer["session"], answer["texts"]) for name, answer in allowed.items()} == {
        "old": (True, False),
        "erased": (False, False),
        "silent": (False, True),
        "other": (False, False),
    }
    assert api.select("SELECT reason FROM tombstones") == [{"reason": "erased"}]
    assert acts(api) == ["retention.allow", "retention.allow"]


def test_a_session_without_texts_says_so(api: Api, admin: str) -> None:
    project_id = add_owners(api)
    api.select("INSERT INTO sessions (session_id, project_id, counted) VALUES ('s', %s, true) RETURNING 1", project_id)
    api.select(
        "INSERT INTO dropped_texts (session_id, before, dropped_at, is_done) VALUES ('s', '2026-02-01', '2026-05-01', true) RETURNING 1"
    )
    key = api.key("read", projects=[project_id])
    other = api.key("read", projects=[project_id + 1])

    shown = api.get(key, "/api/sessions/s").json()

    assert (shown["texts_dropped_at"], shown["texts_dropped_before"]) == ("2026-05-01T00:00:00Z", "2026-02-01T00:00:00Z")
    assert "2026-05-01" in is_error(api.get(key, "/api/sessions/s/transcript"), 410, "TEXTS_DROPPED")
    assert is_error(api.get(other, "/api/sessions/s/transcript"), 404, "SESSION_NOT_FOUND")
