"""Every route, asked with every kind of key: what others keep to themselves is in no answer, and changes none.

The strongest question is the second: an answer must be the same byte for byte whether or not the others have anything at all.
"""

import json
import re
from typing import Any

import httpx2 as httpx
import psycopg
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Route

from services.ingest.app import create_app as create_ingest
from services.ingest.settings import Settings as IngestSettings
from services.query.app import ROUTES
from services.query.routes import dashboard
from shared.auth.route_scopes import required_by
from shared.auth.scopes import PUBLIC
from tests.faults.pace import wait_until
from tests.integration.keys.conftest import Api
from tests.integration.keys.rights.people import (
    ANNS,
    BOBS_SHARED,
    MISSING,
    NOON,
    OWN,
    SECRET,
    SHARED,
    Keys,
    People,
    hide,
    keys_of,
    settle,
    some_id,
)
from tests.integration.keys.rights.questions import READS, TELL_THAT_AN_ID_IS_TAKEN, WRITES
from tests.required_scopes import ADMIN, READING

# Keys that read sessions of ann alone, or of her and carl; with a project or without.
BOUND = ("ann", "ann writes", "team", "ann in alpha", "login")
# They see numbers of all, and no texts.
COUNTING = ("numbers", "metrics", "lead")
STREAM_THAT_DOES_NOT_END = "/api/live"
# No worker runs here, so after a minute it says that the pipeline is stuck.
READINESS = "/readyz"


@pytest.fixture
def people(connection: psycopg.Connection[Any]) -> People:
    return settle(connection)


@pytest.fixture
def keys(api: Api, people: People) -> Keys:
    return keys_of(api, people)


def asked_of(people: People, session_id: str, word: str, name: str = "ann") -> list[tuple[str, str]]:
    """The questions of every read, about this session and what has its word: the route, and the path.

    All of them for one key of each kind; of others, which differ in how they come in or get an error, one for each route.
    """
    filled = {
        "session": session_id,
        "session_id": session_id,
        "call": str(people.calls.get(session_id) or "00000000-0000-4000-8000-000000000000"),
        "call_id": str(people.calls.get(session_id) or "00000000-0000-4000-8000-000000000000"),
        "row_id": str(people.calls.get(session_id) or "00000000-0000-4000-8000-000000000000"),
        "project_id": str(people.beta if word == SECRET else people.alpha),
        "date": f"{NOON:%Y-%m-%d}",
        "word": word,
        "machine": f"{word}-machine",
        "branch": f"{word}-branch",
        "model": f"{word}-model",
        "tool": f"{word}Tool",
        "tag": f"{word}-tag",
        "error_class": "other",
        "part": str(people.parts.get(people.beta if word == SECRET else people.alpha, 999_999)),
    } | people.jobs
    some = "018f3b1e-0000-7000-8000-000000000001"
    return [
        (route, re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], some), route + query))
        for route, queries in READS.items()
        for query in (queries if name in ("ann", "team", "lead", "alpha") else queries[:1])
    ]


def answers(api: Api, keys: Keys, name: str, asked: list[tuple[str, str]]) -> dict[str, tuple[int, str]]:
    """By path, the status and the body without what changes by itself."""
    api.catch_up()
    return {path: (answer.status_code, body_of(answer)) for _, path in asked for answer in [whole(api, keys, name, path)]}


def whole(api: Api, keys: Keys, name: str, path: str) -> httpx.Response:
    """The answer, asked for again while it is a search's that had no time for all: that may be any part of it, and says so."""
    told: list[httpx.Response] = []

    def is_whole() -> bool:
        told.append(read(api, keys, name, path))
        return '"is_complete":false' not in told[-1].text

    assert wait_until(is_whole, 60), told[-1].text
    return told[-1]


def read(api: Api, keys: Keys, name: str, path: str) -> httpx.Response:
    return api.ask(None, "GET", path, headers=keys.headers(name))


def body_of(answer: httpx.Response) -> str:
    """Without the request's id, and without times of now."""
    text = re.sub(r'"(request_id)": ?"[^"]*"', "", answer.text)
    return re.sub(r"20[2-9][0-9]-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|\+00:00)", lambda found: found[0] if found[0] < "2025" else "", text)


def may_be_about(name: str, route: str) -> bool:
    """Whether the key's answer may depend on what others keep to themselves: it counts all, or sees all."""
    if name in ("read", "admin"):
        return True
    scopes = READING.get(("GET", route), PUBLIC)
    # An answer that needs no key is the same for all, as /readyz, which follows the clock.
    return scopes == PUBLIC or (name in COUNTING and "numbers" in scopes)


def test_every_route_is_attacked() -> None:
    """given the routes of both services, then each has its question; pages for everybody need no key and hold no data"""
    reads = {path_of(route) for module in ROUTES for route in module.router.routes if isinstance(route, APIRoute)}
    pages = [route for route in dashboard.router.routes if isinstance(route, APIRoute)]
    ingest = create_ingest(IngestSettings(database_url="postgresql://nobody@localhost/nothing", access="open"))
    routes = [route for route in ingest.router.routes if isinstance(route, Route)]
    writes = {(method, path_of(route)) for route in routes for method in route.methods or () if method not in ("GET", "HEAD")}
    read_by_ingest = {path_of(route) for route in routes if "GET" in (route.methods or ())}

    assert reads | {"/"} == set(READS), (reads | {"/"}) ^ set(READS)
    assert all(required_by(route).scopes == PUBLIC for route in pages)
    assert writes == set(WRITES), writes ^ set(WRITES)
    assert read_by_ingest <= set(READS)


def path_of(route: Route) -> str:
    """As the API's description names it."""
    return route.path.replace(":path}", "}")


def test_what_others_keep_is_in_no_answer_and_changes_none(
    api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys, subtests: pytest.Subtests
) -> None:
    """given the answers of each key, when others get private sessions in the same projects, then nothing of them is told, and answers are the same"""
    bound = (*BOUND, "ann numbers", "none", "wrong", "ingest")

    def asked() -> dict[str, dict[str, str]]:
        """By key and path the route. Keys that are not bound are asked for a lead, who counts all and reads as the team."""
        return {
            name: {
                path: route
                for session_id, word in ((f"{SECRET}-beta", SECRET), (ANNS, OWN))
                for route, path in asked_of(people, session_id, word, name)
                if route != STREAM_THAT_DOES_NOT_END and (name in bound or route not in ("/metrics", "/api/accounting", READINESS))
            }
            for name in (*bound, *COUNTING)
        }

    before = {
        name: answers(api, keys, name, [(route, path) for path, route in paths.items() if not may_be_about(name, route)])
        for name, paths in asked().items()
    }
    counted = answers(api, keys, "numbers", [("/api/stats", "/api/stats")])

    hide(connection, people, people.beta, "beta")
    hide(connection, people, people.alpha, "alpha")
    api.catch_up()
    # Now also with the ids of what is hidden.
    routes = asked()
    answered = {
        name: {path: whole(api, keys, name, path) for path in dict.fromkeys((*before[name], *(paths if name != "metrics" else ())))}
        for name, paths in routes.items()
    }
    after = {name: {path: (answer.status_code, body_of(answer)) for path, answer in found.items()} for name, found in answered.items()}

    with subtests.test("no id, text or name of others is told"):
        told = []
        for name in bound:
            for path, route in routes[name].items():
                answer = answered[name][path]
                shown = answer.text + str(answer.headers)
                # The request's own words come back, as in a search.
                said = path if SECRET in path or any(each in path for each in people.jobs.values()) else ""
                found = [each for each in (*people.hidden, f"{SECRET}-zed") if each in shown and each not in said]
                texts = [] if said else re.findall(rf"{SECRET}[\w-]*", shown)
                if found or texts or (answer.status_code >= 500 and route != READINESS):
                    told.append((name, path, answer.status_code, found, texts))
        assert told == []
    with subtests.test("no answer changes"):
        changed = [
            (name, path, was[0], after[name][path][0], first_difference(was[1], after[name][path][1]))
            for name in before
            for path, was in before[name].items()
            if was != after[name][path]
        ]
        assert changed == []
        assert [(name, path) for name in before for path, (status, _) in before[name].items() if status >= 500] == []
        # The question can fail: a key that counts all gets other answers.
        assert counted != answers(api, keys, "numbers", [("/api/stats", "/api/stats")])
    with subtests.test("a lead counts as numbers and reads as the team"):
        different = []
        for path, route in routes["lead"].items():
            if READING.get(("GET", route)) == ADMIN:
                assert after["lead"][path][0] == 403
            elif route != "/api/me":
                side = "numbers" if "numbers" in READING.get(("GET", route), PUBLIC) else "team"
                if after["lead"][path] != (after[side].get(path) or answers(api, keys, side, [(route, path)])[path]):
                    different.append((route, path, side))
        assert different == []
        assert read(api, keys, "lead", "/api/me").json()["key"]["users"] == ["ann", "carl"]
        # Two of them were dropped, and their rows in the base count by triggers.
        assert read(api, keys, "lead", "/api/stats").json()["totals"]["sessions"] == 11 + 2
        assert read(api, keys, "team", f"/api/sessions/{ANNS}").status_code == 200


def first_difference(one: str, other: str) -> str:
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return f"{one[max(at - 60, 0) : at + 40]} | {other[max(at - 60, 0) : at + 40]}"


def test_a_key_of_a_project_sees_nothing_of_another(api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys) -> None:
    asked = [each for each in asked_of(people, ANNS, OWN, "alpha") if each[0] not in (STREAM_THAT_DOES_NOT_END, READINESS)]
    before = answers(api, keys, "alpha", asked)

    hide(connection, people, people.beta, "beta")

    after = answers(api, keys, "alpha", asked)
    assert [path for path in before if before[path] != after[path]] == []


def test_what_another_has_is_answered_as_what_nobody_has(api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys) -> None:
    """given an id of bob's and one that nobody has, then status and body are the same but for the id"""
    bobs = hide(connection, people, people.beta, "beta")
    hidden_call, nothing = str(people.calls[bobs]), some_id()
    paths = [route for route in READS if "{session_id}" in route or "{call_id}" in route]
    different = []

    for name in BOUND:
        for route in paths:
            answers_of = []
            for session_id, call_id in ((bobs, hidden_call), (MISSING, nothing)):
                path = route.replace("{session_id}", session_id).replace("{call_id}", call_id)
                answer = read(api, keys, name, path)
                headers = {
                    key: value for key, value in answer.headers.items() if key not in ("x-request-id", "x-data-as-of", "content-length")
                }
                body = body_of(answer).replace(session_id, "").replace(call_id, "")
                answers_of.append((answer.status_code, body, headers))
            if answers_of[0] != answers_of[1] or answers_of[0][0] != 404:
                different.append((name, route, answers_of))

    assert different == []


def test_a_shared_session_is_read_and_does_not_count(api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys) -> None:
    """given a session that bob shares, then ann reads it on every path, and her sums are of her own alone"""
    for route in READS:
        if "{session_id}" in route:
            path = route.replace("{session_id}", BOBS_SHARED)
            assert body_of(read(api, keys, "ann", path)) == body_of(read(api, keys, "read", path)), path
            assert SHARED in read(api, keys, "ann", path).text or "/export" in path, path
    assert {each["session_id"] for each in read(api, keys, "ann", "/api/sessions").json()["items"]} == {ANNS, BOBS_SHARED}
    api.catch_up()
    found = read(api, keys, "ann", "/api/search?q=common+nothingatall+or+common&group_by=session").json()
    assert {each["session_id"] for each in found["sessions"]} == {ANNS, BOBS_SHARED}
    assert {each["session_id"] for each in found["ranked"]["sessions"]} == {ANNS, BOBS_SHARED}
    assert read(api, keys, "ann", "/api/stats").json() == read(api, keys, "read", "/api/stats?user=ann").json()
    assert read(api, keys, "ann", "/api/stats").json()["totals"]["sessions"] == 1


def test_a_project_and_a_user_both_hold(api: Api, connection: psycopg.Connection[Any], people: People) -> None:
    key = api.key("read", user="ann", projects=[people.beta])

    assert api.get(key, "/api/sessions").json()["items"] == []
    assert api.get(key, f"/api/sessions/{ANNS}").status_code == 404


def test_writes_of_a_bound_key_change_nothing_of_others(api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys) -> None:
    """given every write about bob's session, project, machine and name, when ann sends it, then nothing of bob's is another, and nothing is told"""
    bobs = hide(connection, people, people.beta, "beta")
    some = "018f3b1e-0000-7000-8000-000000000001"
    before = of_others(connection)
    told = []

    for name in (*BOUND, "ingest", "numbers", "lead", "none", "wrong"):
        for number, ((method, route), body) in enumerate(WRITES.items()):
            answers_of = []
            for session_id in (bobs, f"{MISSING}-{number}"):
                filled = {
                    "session_id": session_id,
                    "project_id": str(people.beta),
                    "machine_id": f"{SECRET}-machine",
                    "name": f"{SECRET}-zed",
                }
                path = re.sub(r"\{(\w+)\}", lambda found: filled.get(found[1], some), route)  # noqa: B023
                content = json.dumps(body).replace("{session}", session_id) if body is not None else None
                headers = keys.headers(name) | ({} if content is None else {"Content-Type": "application/json"})
                if name == "ingest" and (method, route) in TELL_THAT_AN_ID_IS_TAKEN:
                    # A key that is not bound writes for everybody.
                    continue
                answer = api.ask(None, method, path, headers=headers, content=content)
                answers_of.append((answer.status_code, body_of(answer).replace(session_id, "")))
                said = path + (content or "")
                if any(each in answer.text and each not in said for each in people.hidden) or answer.status_code >= 500:
                    told.append((name, method, path, answer.status_code, answer.text))
            if (method, route) not in TELL_THAT_AN_ID_IS_TAKEN and answers_of[0] != answers_of[1]:
                told.append((name, method, route, answers_of))

    assert told == []
    assert of_others(connection) == before


def of_others(connection: psycopg.Connection[Any]) -> list[Any]:
    """The texts and names of bob and zed, and of what only an admin changes."""
    return [
        connection.execute(sql).fetchall()
        for sql in (
            f"SELECT * FROM session_marks WHERE session_id LIKE '{SECRET}%' ORDER BY session_id",
            f"SELECT session_id, project_id, user_id, title, last_event_at FROM sessions WHERE session_id LIKE '{SECRET}%' ORDER BY session_id",
            f"SELECT told_by, path, remote FROM project_places WHERE told_by LIKE '{SECRET}%' ORDER BY path",
            "SELECT count(*) FROM exports UNION ALL SELECT count(*) FROM retention_rules UNION ALL SELECT count(*) FROM project_rules",
            "SELECT count(*) FROM jobs UNION ALL SELECT count(*) FROM dropped_texts UNION ALL SELECT count(*) FROM kept_out_texts",
            f"SELECT machine_id, name, user_name FROM machines WHERE machine_id LIKE '{SECRET}%' ORDER BY machine_id",
            "SELECT id, path, name, visibility, group_name, part_of, is_archived FROM projects ORDER BY id",
            f"SELECT id, name, alias_of FROM users WHERE name LIKE '{SECRET}%' OR name = 'bob'",
            "SELECT count(*) FROM saved_views UNION ALL SELECT count(*) FROM audit_log",
        )
    ]


def test_a_former_name_is_the_same_user(api: Api, connection: psycopg.Connection[Any], people: People) -> None:
    connection.execute("INSERT INTO users (name, alias_of) VALUES ('ann-before', %s)", (people.users["ann"],))
    before, now = api.key("read", user="ann-before"), api.key("read", user="ann")

    for key in (before, now):
        assert {each["session_id"] for each in api.get(key, "/api/sessions").json()["items"]} == {ANNS, BOBS_SHARED}
        assert api.get(key, "/api/stats").json()["totals"]["sessions"] == 1
        assert api.get(key, "/api/stats?user=ann-before").json()["totals"]["sessions"] == 1


def test_two_hundred_probes_tell_nothing(api: Api, connection: psycopg.Connection[Any], people: People, keys: Keys) -> None:
    """given 100 sessions of bob's and 100 ids that nobody has, then ann's answers to all 200 are one"""
    probes = {f"{SECRET}-{number:03}" for number in range(100)}
    with connection.pipeline():
        for session_id in probes:
            connection.execute(
                "INSERT INTO sessions (session_id, project_id, user_id, counted) VALUES (%s, %s, %s, true)",
                (session_id, people.beta, people.users["bob"]),
            )
    api.catch_up()
    seen = set()

    for number in range(100):
        for session_id in (f"{SECRET}-{number:03}", f"{MISSING}-{number:03}"):
            one, part, search = (
                read(api, keys, "ann", path)
                for path in (
                    f"/api/sessions/{session_id}",
                    f"/api/sessions/{session_id}/timeline",
                    f"/api/conversations/search?q=common&session_id={session_id}",
                )
            )
            listed = read(api, keys, "ann", f"/api/sessions?id_prefix={session_id}").json()
            seen.add((one.status_code, body_of(one), part.status_code, body_of(part), body_of(search), str(listed)))

    assert len(seen) == 1
