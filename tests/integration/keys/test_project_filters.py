"""`group` and `repository` on every list that takes a project: what they show is what there would be if there were only those projects.

Two projects are a group and of one repository, on two machines; one of them has it from a checkout that is part of it. A third project is outside.
"""

from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest

from deploy.openapi_components import resolved
from services.query.app import create_app
from services.query.settings import Settings
from tests.integration.keys.conftest import Api
from tests.integration.keys.rights.people import NOON, People, add_session
from tests.integration.query import seed
from tests.integration.query.stats.comparable import approximate, comparable

# {route: why it takes a project, and no group or repository}
WITHOUT_GROUPS: Final[dict[str, str]] = {}
# {route: why it is asked elsewhere}
ASKED_ELSEWHERE: Final = {"/api/live": "does not end: tests/integration/query/live/test_live_keys.py"}
DATES: Final = "start_date=2024-04-01&end_date=2024-05-31"
QUESTIONS: Final = {
    "/api/activities": "include_patch=true",
    "/api/advice": f"{DATES}&split=2024-05-10",
    "/api/compare": f"{DATES}&group_by=project",
    "/api/conversations": "",
    "/api/conversations/search": "q=common",
    "/api/days/{date}": "",
    "/api/files": "",
    "/api/files/history": "path=/home/team/*",
    "/api/live/sessions": "",
    "/api/reconcile": "",
    "/api/search": "q=common",
    "/api/sessions": "",
    "/api/stats": DATES,
    "/api/tags": "",
    "/api/tool-calls": "include_result=true",
    "/api/tool-calls/errors": "",
    "/api/tool-calls/stats": "",
    "/api/usage": "group_by=session",
    "/api/usage/blocks": "",
    "/api/users": "",
    "/api/work": "group_by=branch",
}
# Further questions of these routes, whose filters or sorts read other tables.
MORE: Final = (
    "/api/activities?file_path=/home/team/*",
    "/api/conversations/search?sort=newest",
    "/api/files?sort=last_change",
    f"/api/files?{DATES}",
    "/api/search?q=common&group_by=session",
    "/api/search?q=common+answers&sort=newest",
    "/api/search?q=ommo&mode=literal",
    f"/api/users?{DATES}",
)
FILTERS: Final = ("group=acme-work", "repository=github.com/acme/shop", "group=acme-work&repository=github.com/acme/shop")
INSIDE: Final = {"insideone": "ann", "insidetwo": "ann", "insidebob": "bob"}
OUTSIDE: Final = {"outsideann": "ann", "outsidecarl": "carl"}
# Now, for the sessions that are open.
OPEN_SINCE: Final = datetime.now(UTC)


def project_filters() -> dict[str, set[str]]:
    """By path, of each GET that takes a project: which of the three filters it has."""
    document = create_app(Settings(database_url="postgresql://nobody@localhost/nothing", redis_url="redis://localhost:1")).openapi()
    found = {}
    for path, operations in document["paths"].items():
        parameters = [resolved(document, each) for each in operations.get("get", {}).get("parameters", [])]
        names = {each["name"] for each in parameters if each["in"] == "query"} & {"project_id", "group", "repository"}
        if "project_id" in names:
            found[path] = names
    return found


def test_every_list_that_takes_a_project_takes_a_group_and_a_repository() -> None:
    found = project_filters()

    assert {path for path, names in found.items() if len(names) < 3} == set(WITHOUT_GROUPS), "add both, or say why not in WITHOUT_GROUPS"
    assert set(found) == {*QUESTIONS, *ASKED_ELSEWHERE, *WITHOUT_GROUPS}, "add a question"


@pytest.fixture
def places(api: Api) -> list[int]:
    """The two projects of the group, filled, and a third one."""
    with psycopg.connect(api.database_url, autocommit=True, options="-c timezone=UTC") as connection:
        one, two, outside = (seed.add_project(connection, f"/home/team/{name}") for name in ("shop", "shop-two", "outside"))
        checkout = seed.add_project(connection, "/home/team/shop-laptop")
        connection.execute("UPDATE projects SET group_name = 'acme-work' WHERE id IN (%s, %s)", (one, two))
        connection.execute("UPDATE projects SET repository = 'github.com/acme/shop' WHERE id IN (%s, %s)", (checkout, two))
        connection.execute(
            "UPDATE projects SET part_of = %(one)s, merged_into = %(one)s, merged_by = 'remote', merge_evidence = 'github.com/acme/shop' WHERE id = %(part)s",
            {"one": one, "part": checkout},
        )
        people = People(one, two, {name: seed.add_user(connection, name) for name in ("ann", "bob", "carl")})
        for word, project in (
            ("insideone", one),
            ("insidetwo", two),
            ("insidebob", one),
            ("outsideann", outside),
            ("outsidecarl", outside),
        ):
            add_session(connection, people, f"{word}-session", project, (INSIDE | OUTSIDE)[word], word)
        # A key that is bound to ann sees this part, since she worked in it.
        connection.execute("UPDATE sessions SET path_project_id = %s WHERE session_id = 'insideone-session'", (checkout,))
        compute(connection)
    api.catch_up()
    return [one, two]


def compute(connection: psycopg.Connection[Any]) -> None:
    seed.compute_totals(connection)
    connection.execute("UPDATE sessions SET last_event_at = %s", (OPEN_SINCE,))


def keep_only(api: Api, projects: list[int]) -> None:
    """Deletes all of other projects."""
    with psycopg.connect(api.database_url, autocommit=True, options="-c timezone=UTC") as connection:
        for table in ("messages", "tool_calls", "activities", "api_calls", "timeline_entries", "sessions"):
            connection.execute(f"DELETE FROM {table} WHERE project_id <> ALL (%s)".encode(), (projects,))
        compute(connection)


def asked(session_id: str) -> list[str]:
    """Every question, about this session where it is about one. A filter can be put behind it."""
    paths = [f"{route}?{query}" for route, query in QUESTIONS.items()]
    filled = [path.replace("{session_id}", session_id).replace("{date}", f"{NOON:%Y-%m-%d}") for path in (*paths, *MORE)]
    return [path if path.endswith("?") else f"{path}&" for path in filled]


def read(api: Api, key: str, path: str) -> Any:
    answer = api.get(key, path)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


def shown(answer: Any) -> Any:
    """The answer without what says again what was asked. How rare a word is in all sessions weighs in the order of those that may be meant."""
    if not isinstance(answer, dict):
        return answer
    said = {name: each for name, each in answer.items() if name not in ("interpreted", "lists", "request_id")}
    if ranked := said.pop("ranked", None):
        said["ranked"] = sorted(each["session_id"] for each in ranked["sessions"])
    return approximate(comparable(said))


@pytest.mark.parametrize(("rights", "chosen"), [({}, FILTERS[0]), ({}, FILTERS[1]), ({"user": "ann"}, FILTERS[2])])
def test_a_list_shows_what_there_would_be_with_these_projects_alone(
    api: Api, places: list[int], rights: dict[str, Any], chosen: str
) -> None:
    """given three projects, when all but two are deleted, then each answer is the one that the filter gave, its counts too"""
    key = api.key("read", **rights)
    questions = asked("insideone-session")
    unlimited = {path: read(api, key, path.rstrip("?&")) for path in questions}
    limited = {path: read(api, key, path + chosen) for path in questions}

    keep_only(api, places)
    api.catch_up()

    alone = {path: read(api, key, path.rstrip("?&")) for path in questions}
    assert [path for path in questions if shown(limited[path]) != shown(alone[path])] == []
    assert [path for path in questions if limited[path] == unlimited[path]] == []


@pytest.mark.parametrize("chosen", FILTERS[:2])
def test_nothing_of_another_project_is_in_an_answer(api: Api, admin: str, places: list[int], chosen: str) -> None:
    """given names and texts that say where they are from, then a list without filter has those from outside, and with it none"""
    told = {
        path: [str(shown(read(api, admin, each))) for each in (path.rstrip("?&"), path + chosen)] for path in asked("outsideann-session")
    }

    assert [path for path, (_, limited) in told.items() if "outside" in limited] == []
    named = [path for path, (unlimited, _) in told.items() if "outside" not in unlimited]
    # These have sums, and no names but of people.
    assert named == [path for path in told if path.startswith(("/api/reconcile", "/api/users"))]


@pytest.mark.parametrize("name", ["group", "repository"])
@pytest.mark.parametrize("bound_to", ["user", "project"])
def test_to_a_bound_key_the_groups_of_others_are_as_unknown_ones(api: Api, places: list[int], bound_to: str, name: str) -> None:
    """given a key that sees nothing of a group, then it is answered as for a group that nobody has: with nothing"""
    key = api.key("read", user="carl") if bound_to == "user" else api.key("read", projects=[places[1] + 1])
    theirs = "acme-work" if name == "group" else "github.com/acme/shop"
    answers = {}

    for path in asked("outsidecarl-session"):
        answers[path] = [api.get(key, f"{path}{name}={value}") for value in (theirs, "nobodys")]

    assert {path: each.status_code for path, of_path in answers.items() for each in of_path if each.status_code != 200} == {}
    different = [
        path
        for path, (of_others, of_nobody) in answers.items()
        if shown(of_others.json()) != renamed(shown(of_nobody.json()), "nobodys", theirs)
    ]
    assert different == []
    for path, (of_others, _) in answers.items():
        found = of_others.json()
        assert not any(found.get(items) for items in ("items", "sessions", "tools", "classes")), path


def renamed(answer: Any, before: str, after: str) -> Any:
    """The answer with another name for what was asked."""
    if isinstance(answer, dict):
        return {name: renamed(each, before, after) for name, each in answer.items()}
    if isinstance(answer, list):
        return [renamed(each, before, after) for each in answer]
    return answer.replace(before, after) if isinstance(answer, str) else answer


def test_a_search_of_an_unknown_group_says_so(api: Api, admin: str, places: list[int]) -> None:
    found = read(api, admin, "/api/search?q=common&group=nobodys&repository=github.com/acme/shop")

    assert (found["total"], found["items"], found["is_complete"]) == (0, [], True)
    assert found["hints"] == ["There is no project of the group 'nobodys'; see /api/projects."]
    assert found["interpreted"]["filters"] == {"group": "nobodys", "repository": "github.com/acme/shop"}


def test_all_filters_of_projects_must_hold(api: Api, admin: str, places: list[int]) -> None:
    """given one project of a group, then it is shown alone; and nothing of a project that is not in the group"""
    one, two = places
    for path in ("/api/conversations?", "/api/files?", "/api/search?q=common&", "/api/tags?", "/api/users?", "/api/live/sessions?"):
        of_one = read(api, admin, f"{path}project_id={one}")["items"]
        assert of_one, path
        assert read(api, admin, f"{path}project_id={one}&group=acme-work")["items"] == of_one, path
        assert read(api, admin, f"{path}project_id={two + 1}&group=acme-work")["items"] == [], path
    typed = read(api, admin, "/api/search?q=common+project:shop-two&group=acme-work")
    assert {each["project_id"] for each in typed["items"]} == {two}
    assert read(api, admin, "/api/search?q=common+project:outside&group=acme-work")["items"] == []


def test_a_cursor_belongs_to_its_filters(api: Api, admin: str, places: list[int]) -> None:
    first = read(api, admin, "/api/conversations?limit=1&group=acme-work")
    seen, cursor = [first["items"][0]["id"]], first["next_cursor"]
    assert api.get(admin, f"/api/conversations?limit=1&cursor={cursor}").status_code == 400

    while cursor:
        page = read(api, admin, f"/api/conversations?limit=1&group=acme-work&cursor={cursor}")
        seen, cursor = [*seen, *(each["id"] for each in page["items"])], page["next_cursor"]

    assert seen == [each["id"] for each in read(api, admin, "/api/conversations?group=acme-work")["items"]]
