"""/api/views: addresses of the dashboard under a name; the keys that may save and see them, and which addresses are refused."""

from typing import Any

import pytest

from tests.integration.keys.conftest import Api, is_error, make_key

SECRET = "AKIA" + "Q3EGRI7NVKZ2XJ5A"


def save(api: Api, key: str | None, name: str = "Costs", address: str = "/usage?range=7d") -> Any:
    return api.ask(key, "POST", "/api/views", json={"name": name, "address": address})


def views(api: Api, key: str | None) -> list[tuple[str, str]]:
    return [(view["name"], view["address"]) for view in api.get(key, "/api/views").json()["items"]]


def test_a_view_is_saved_changed_and_deleted(api: Api, admin: str) -> None:
    made = save(api, admin, " Costs ", "/usage?range=7d&by=project")

    assert made.status_code == 201
    view = made.json()
    assert (view["name"], view["address"]) == ("Costs", "/usage?range=7d&by=project")
    [listed] = api.get(admin, "/api/views").json()["items"]
    assert listed == view | {"created_by": "a test's admin"}

    changed = api.ask(admin, "PUT", f"/api/views/{view['id']}", json={"name": "costs", "address": "/usage"})
    assert (changed.status_code, changed.json()["name"], changed.json()["id"]) == (200, "costs", view["id"])
    assert views(api, admin) == [("costs", "/usage")]

    gone = api.ask(admin, "DELETE", f"/api/views/{view['id']}")
    assert (gone.status_code, gone.json()["name"]) == (200, "costs")
    assert views(api, admin) == []


def test_everybody_sees_them_by_name_page_by_page(open_api: Api) -> None:
    for name in ("b", "A", "c"):
        save(open_api, None, name)
    assert [name for name, _ in views(open_api, None)] == ["A", "b", "c"]

    first = open_api.get(None, "/api/views?limit=2").json()
    second = open_api.get(None, f"/api/views?limit=2&cursor={first['next_cursor']}").json()

    assert [view["name"] for view in second["items"]] == ["c"]
    assert first["items"][0]["created_by"] is None
    assert open_api.get(None, "/api/views?format=csv").text.splitlines()[0] == "id,name,address,created_by,created_at"


def test_a_name_is_there_once_whatever_its_case(api: Api, admin: str) -> None:
    save(api, admin, "Costs")
    other = save(api, admin, "Tools").json()
    is_error(save(api, admin, "COSTS"), 409, "CONFLICT")
    is_error(api.ask(admin, "PUT", f"/api/views/{other['id']}", json={"name": "cOSTS", "address": "/"}), 409, "CONFLICT")
    assert [name for name, _ in views(api, admin)] == ["Costs", "Tools"]


@pytest.mark.parametrize(
    "address",
    [
        *("https://evil.example/usage", "//evil.example/usage", "/\\evil.example", "javascript:alert(1)", "usage", ""),
        *(
            "/api/keys",
            "/docs",
            "/usagex",
            "/usage/..",
            "/usage/%2e%2E",
            "/usage/../api/keys",
            "/usage#top",
            "/usage?q=a b",
            "/usage?q=a\nb",
        ),
        "/usage?q=" + "x" * 2_000,
    ],
)
def test_an_address_that_is_no_page_of_the_dashboard_is_refused(api: Api, admin: str, address: str) -> None:
    assert "address" in is_error(save(api, admin, address=address), 400, "VALIDATION_ERROR")
    assert views(api, admin) == []


@pytest.mark.parametrize(
    "address",
    ["/", "/?project=1", "/sessions/a%2Fb?at=x", "/days/2026-01-31", "/compare?compare=2026-01-01..2026-01-31", "/search?q=%3Cb%3E"],
)
def test_an_address_of_a_page_is_kept_as_it_is(api: Api, admin: str, address: str) -> None:
    assert save(api, admin, address=address).json()["address"] == address


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 101])
def test_a_name_that_is_none_is_refused(api: Api, admin: str, name: str) -> None:
    assert "name" in is_error(save(api, admin, name), 400, "VALIDATION_ERROR")


def test_a_view_that_is_not_known_is_neither_changed_nor_deleted(api: Api, admin: str) -> None:
    unknown = "/api/views/0b9e7f5a-4f0c-4c39-9d0e-0c7f6c1d2a31"
    is_error(api.ask(admin, "PUT", unknown, json={"name": "n", "address": "/"}), 404, "VIEW_NOT_FOUND")
    is_error(api.ask(admin, "DELETE", unknown), 404, "VIEW_NOT_FOUND")
    is_error(api.ask(admin, "DELETE", "/api/views/costs"), 400, "VALIDATION_ERROR")


def test_there_are_at_most_500(api: Api, admin: str) -> None:
    api.select("INSERT INTO saved_views (name, address) SELECT n::text, '/' FROM generate_series(1, 499) AS n RETURNING id")
    assert save(api, admin, "the last").status_code == 201
    assert "500" in is_error(save(api, admin, "one more"), 409, "CONFLICT")


def test_a_view_is_redacted_before_it_is_stored(api: Api, admin: str) -> None:
    save(api, admin, f"of {SECRET}", f"/search?q={SECRET}")
    assert SECRET not in str(api.select("SELECT * FROM saved_views"))
    assert views(api, admin)[0][0].startswith("of [redacted:")


def test_views_are_written_with_two_scopes_and_read_with_one(api: Api, admin: str) -> None:
    reads, sends = (make_key(api.database_url, scope) for scope in ("read", "ingest"))
    both = make_key(api.database_url, "read", "ingest")
    assert save(api, both).status_code == 201
    for key in (reads, sends):
        is_error(save(api, key, "other"), 403, "FORBIDDEN")
    assert views(api, reads) == [("Costs", "/usage?range=7d")]


@pytest.mark.parametrize("bound", [{"user": "ann"}, {"projects": [1]}])
def test_a_bound_key_has_no_saved_views(api: Api, admin: str, bound: dict[str, Any]) -> None:
    view = save(api, admin).json()
    key = make_key(api.database_url, "read", "ingest", **bound)

    is_error(api.get(key, "/api/views"), 403, "FORBIDDEN")
    is_error(save(api, key, "other"), 403, "FORBIDDEN")
    is_error(api.ask(key, "PUT", f"/api/views/{view['id']}", json={"name": "n", "address": "/"}), 403, "FORBIDDEN")
    is_error(api.ask(key, "DELETE", f"/api/views/{view['id']}"), 403, "FORBIDDEN")
    assert views(api, admin) == [("Costs", "/usage?range=7d")]
    assert api.select("SELECT has_table_privilege('tracker_bound', 'saved_views', 'SELECT') AS may") == [{"may": False}]
