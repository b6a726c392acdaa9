"""`GET /api/me`: what a key is told of itself, and the settings that explain numbers."""

import pytest

from tests.integration.keys.conftest import Api, is_error

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


def test_an_ingest_key_and_no_key_are_refused(api: Api) -> None:
    is_error(api.get(api.key("ingest"), "/api/me"), 403, "FORBIDDEN")
    is_error(api.get(None, "/api/me"), 401, "UNAUTHORIZED")
    is_error(api.get(api.key("read"), "/api/me?x=1"), 400, "VALIDATION_ERROR")
