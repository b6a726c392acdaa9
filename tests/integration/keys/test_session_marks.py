"""PATCH /api/sessions/{session_id}: a star, tags, a note and a title; who may set and see them, and what they are found by."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.integration.keys.conftest import Api, is_error
from tests.integration.query import seed

NONE = {"is_starred": False, "tags": [], "note": None, "title": None, "visibility": None}


@pytest.fixture
def projects(api: Api) -> list[int]:
    """Two projects: with s-1 of ann and s-2 of bob, and with s-3 of ann."""
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        one, two = (seed.add_project(connection, path) for path in ("/home/ann/shop", "/home/ann/site"))
        ann, bob = (seed.add_user(connection, name) for name in ("ann", "bob"))
        for session_id, project, user in (("s-1", one, ann), ("s-2", one, bob), ("s-3", two, ann)):
            seed.add_session(connection, session_id, project, user, title=f"Claude's {session_id}", dated_at="2026-01-01T00:00:00Z")
    return [one, two]


def mark(api: Api, key: str | None, session_id: str = "s-1", **fields: Any) -> Any:
    return api.ask(key, "PATCH", f"/api/sessions/{quote(session_id, safe='')}", json=fields)


def marks(api: Api, key: str, session_id: str = "s-1") -> dict[str, Any]:
    session = api.get(key, f"/api/sessions/{session_id}").json()
    return {name: session[name] for name in ("is_starred", "tags", "note", "title", "own_title", "visibility")}


def listed(api: Api, key: str, query: str) -> list[str]:
    answer = api.get(key, f"/api/sessions?{query}")
    assert answer.status_code == 200, answer.text
    return sorted(item["session_id"] for item in answer.json()["items"])


def test_marks_are_set_and_shown_and_a_field_that_is_left_out_stays(api: Api, admin: str, projects: list[int]) -> None:
    assert marks(api, admin) == NONE | {"title": "Claude's s-1", "own_title": False}

    answer = mark(api, admin, is_starred=True, tags=["Bug", " uploads ", "bug"], note="Keep the retry.", title=" Retry uploads ")

    now = {"is_starred": True, "tags": ["Bug", "uploads"], "note": "Keep the retry.", "title": "Retry uploads", "visibility": None}
    assert (answer.status_code, answer.json()) == (200, now | {"session_id": "s-1"})
    assert marks(api, admin) == now | {"own_title": True}
    assert mark(api, admin, is_starred=False).json() == now | {"session_id": "s-1", "is_starred": False}
    assert mark(api, admin).json() == now | {"session_id": "s-1", "is_starred": False}


def test_fields_that_marks_do_not_have_are_named(api: Api, admin: str, projects: list[int]) -> None:
    answer = mark(api, admin, starred=True, note="n", **{"tag\0s": ["x"], "x" * 200: 1})

    assert answer.status_code == 200
    assert (answer.json()["note"], answer.json()["is_starred"]) == ("n", False)
    assert answer.json()["ignored_fields"] == ["starred", "tag\ufffds", "x" * 100]
    assert "ignored_fields" not in mark(api, admin, is_starred=True).json()


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_an_empty_text_clear(api: Api, admin: str, projects: list[int], nothing: str | None) -> None:
    mark(api, admin, is_starred=True, tags=["bug"], note="n", title="t")

    answer = mark(api, admin, is_starred=None, tags=None, note=nothing, title=nothing)

    assert answer.json() == NONE | {"session_id": "s-1"}
    assert marks(api, admin) == NONE | {"title": "Claude's s-1", "own_title": False}


def test_tags_are_added_and_removed_whatever_their_case(api: Api, admin: str, projects: list[int]) -> None:
    mark(api, admin, tags=["Bug", "uploads"])
    assert mark(api, admin, add_tags=["BUG", "Größe"], remove_tags=["UPLOADS", "never there"]).json()["tags"] == ["Bug", "Größe"]
    assert mark(api, admin, remove_tags=["GRÖSSE"]).json()["tags"] == ["Bug"]


def test_changes_of_several_people_at_the_same_time_all_stay(api: Api, admin: str, projects: list[int]) -> None:
    changes: list[dict[str, Any]] = [{"is_starred": True}, {"note": "n"}, {"title": "t"}, *({"add_tags": [f"t{n}"]} for n in range(20))]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda fields: mark(api, admin, **fields), changes))

    assert {answer.status_code for answer in answers} == {200}
    now = marks(api, admin)
    assert (now["is_starred"], now["note"], now["title"]) == (True, "n", "t")
    assert sorted(now["tags"]) == sorted(f"t{n}" for n in range(20))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tags": [str(number) for number in range(51)]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"add_tags": ["  "]}, "add_tags[0]"),
        ({"add_tags": ["a\nb"]}, "add_tags[0]"),
        ({"note": "x" * 65_537}, "note"),
        ({"title": "x" * 301}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"is_starred": "yes"}, "is_starred"),
        ({"tags": "bug"}, "tags"),
    ],
)
def test_marks_that_are_not_valid_are_refused_by_name(
    api: Api, admin: str, projects: list[int], fields: dict[str, Any], named: str
) -> None:
    assert named in is_error(mark(api, admin, **fields), 400, "VALIDATION_ERROR")
    assert marks(api, admin)["tags"] == []


def test_a_session_has_at_most_fifty_tags(api: Api, admin: str, projects: list[int]) -> None:
    mark(api, admin, tags=[str(number) for number in range(50)])
    assert "50" in is_error(mark(api, admin, add_tags=["one more"]), 400, "VALIDATION_ERROR")
    assert mark(api, admin, add_tags=["one more"], remove_tags=["7"]).status_code == 200


def test_the_longest_marks_fit(api: Api, admin: str, projects: list[int]) -> None:
    longest = {"note": "\x01é" * 32_768, "title": "t" * 300, "tags": [f"{number:02}" + "ü" * 62 for number in range(50)]}
    assert mark(api, admin, **longest).json() == longest | {"session_id": "s-1", "is_starred": False, "visibility": None}


def test_marks_are_redacted_before_they_are_stored(api: Api, admin: str, projects: list[int]) -> None:
    secret = "AKIA" + "Q3EGRI7NVKZ2XJ5A"
    mark(api, admin, note=f"key {secret}", title=f"key {secret}", tags=[secret])
    assert secret not in str(api.select("SELECT * FROM session_marks"))
    assert marks(api, admin)["note"].startswith("key [redacted:")


def test_a_session_that_is_not_known_has_no_marks(api: Api, admin: str, projects: list[int]) -> None:
    for session_id in ("s-9", "start", "with/slash"):
        is_error(mark(api, admin, session_id, is_starred=True), 404, "SESSION_NOT_FOUND")
    is_error(mark(api, admin, "x" * 201, is_starred=True), 400, "VALIDATION_ERROR")
    assert api.select("SELECT session_id FROM session_marks") == []


def test_a_session_that_has_only_started_can_be_marked(api: Api, admin: str) -> None:
    started = api.post(admin, "/api/sessions/start", {"project_path": "/home/ann/shop", "session_id": "new/one"})
    assert started.status_code == 201
    assert mark(api, admin, "new/one", is_starred=True).status_code == 200


def test_a_key_needs_both_scopes(api: Api, admin: str, projects: list[int]) -> None:
    for scopes in (["ingest"], ["read"], ["numbers", "ingest"]):
        message = is_error(mark(api, api.key(*scopes), is_starred=True), 403, "FORBIDDEN")
        assert "ingest and read" in message
    assert mark(api, api.key("ingest", "read"), is_starred=True).status_code == 200


def test_a_bound_key_marks_and_sees_only_its_own_sessions(api: Api, admin: str, projects: list[int]) -> None:
    of_project, of_ann = api.key("ingest", "read", projects=projects[:1]), api.key("ingest", "read", user="ann")
    for session_id in ("s-1", "s-2", "s-3"):
        mark(api, admin, session_id, is_starred=True, tags=["Bug"], note="n")

    is_error(mark(api, of_project, "s-3", note="mine"), 404, "SESSION_NOT_FOUND")
    is_error(mark(api, of_ann, "s-2", note="mine"), 404, "SESSION_NOT_FOUND")

    assert [mark(api, key, "s-1", note="mine").status_code for key in (of_project, of_ann)] == [200, 200]
    assert marks(api, admin, "s-3")["note"] == "n"
    assert listed(api, of_project, "is_starred=true") == listed(api, of_project, "tag=bug") == ["s-1", "s-2"]
    assert api.get(of_project, "/api/tags").json()["items"] == [{"tag": "Bug", "sessions": 2}]
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        connection.execute("SELECT set_config('tracker.projects', %s, false)", (f"{{{projects[0]}}}",))
        connection.execute("SET ROLE tracker_bound")
        assert connection.execute("SELECT session_id FROM session_marks ORDER BY 1").fetchall() == [("s-1",), ("s-2",)]


def test_sessions_are_filtered_by_star_and_tag(api: Api, admin: str, projects: list[int]) -> None:
    mark(api, admin, "s-1", is_starred=True, tags=["Bug", "uploads"])
    mark(api, admin, "s-2", tags=["BUG"])

    assert listed(api, admin, "is_starred=true") == ["s-1"]
    assert listed(api, admin, "is_starred=false") == ["s-2", "s-3"]
    assert listed(api, admin, "tag=bug") == ["s-1", "s-2"]
    assert listed(api, admin, "tag=Uploads&is_starred=true&sort=cost_usd") == ["s-1"]
    assert listed(api, admin, "tag=none") == []


def test_tags_are_listed_with_their_sessions_page_by_page(api: Api, admin: str, projects: list[int]) -> None:
    mark(api, admin, "s-1", tags=["Bug", "a"])
    mark(api, admin, "s-2", tags=["Bug", "b"])
    mark(api, admin, "s-3", tags=["bug"])
    found, cursor = [], ""
    while cursor is not None:
        page = api.get(admin, f"/api/tags?limit=2{cursor and '&cursor='}{cursor}").json()
        found += [(item["tag"], item["sessions"]) for item in page["items"]]
        cursor = page["next_cursor"]

    assert found == [("Bug", 3), ("a", 1), ("b", 1)]
    assert api.get(admin, f"/api/tags?project_id={projects[1]}").json()["items"] == [{"tag": "bug", "sessions": 1}]
    assert api.get(admin, "/api/tags?user=bob").json()["items"] == [{"tag": "b", "sessions": 1}, {"tag": "Bug", "sessions": 1}]


def test_a_page_ends_before_its_notes_exceed_its_bytes(api: Api, admin: str, projects: list[int]) -> None:
    with psycopg.connect(api.database_url, autocommit=True) as connection:
        for number in range(150):
            seed.add_session(connection, f"long-{number}", projects[0], dated_at=f"2026-02-01T00:00:{number % 60:02}Z")
        connection.execute("INSERT INTO session_marks (session_id, note) SELECT session_id, repeat('é', 60000) FROM sessions")

    first = api.get(admin, "/api/sessions?limit=1000").json()
    rest, cursor = [], first["next_cursor"]
    while cursor is not None:
        page = api.get(admin, f"/api/sessions?limit=1000&cursor={cursor}").json()
        rest += page["items"]
        cursor = page["next_cursor"]

    assert 0 < len(first["items"]) < 100
    assert len({item["session_id"] for item in [*first["items"], *rest]}) == 153
