"""`group` and `repository` as filters and as dimensions: what they show is what there would be if there were only those projects."""

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed, world
from tests.integration.query.pages import pages
from tests.integration.query.stats.comparable import STATS, approximate, comparable
from tests.kept_connection import Connection

OF_GROUPS = [*STATS, "/api/tool-calls/errors?interval=day", "/api/usage?group_by=group"]
FILTERS = ["group=work", "repository=github.com/acme/shop", "group=work&repository=github.com/acme/shop"]


@pytest.fixture
def grouped(connection: Connection) -> dict[str, list[int]]:
    """A small world: two of its projects are a group, and of these one is of a repository, with another project. The ids by filter."""
    world.build(connection)
    ids = [row[0] for row in connection.execute("SELECT id FROM projects ORDER BY id").fetchall()]
    assert len(ids) >= 3
    connection.execute("UPDATE projects SET group_name = 'work' WHERE id = ANY (%s)", (ids[:2],))
    connection.execute("UPDATE projects SET repository = 'github.com/acme/shop' WHERE id = ANY (%s)", (ids[1:3],))
    return dict(zip(FILTERS, (ids[:2], ids[1:3], ids[1:2]), strict=True))


def keep_only(connection: Connection, projects: list[int]) -> None:
    """Deletes all of other projects, and what belongs to none."""
    for table in ("messages", "tool_calls", "activities", "api_calls", "sessions"):
        connection.execute(f"DELETE FROM {table} WHERE project_id <> ALL (%s)".encode(), (projects,))
    seed.compute_totals(connection)


@pytest.mark.parametrize("chosen", FILTERS)
def test_statistics_of_a_group_or_repository_are_those_of_its_projects_alone(
    client: TestClient, connection: Connection, grouped: dict[str, list[int]], chosen: str
) -> None:
    before = {path: client.get(f"{path}{'' if path.endswith('?') else '&'}{chosen}") for path in OF_GROUPS}
    assert {path: answer.status_code for path, answer in before.items()} == dict.fromkeys(OF_GROUPS, 200)
    compared = client.get(f"/api/compare?start_date=2024-10-01&end_date=2024-10-31&group_by=user&{chosen}").json()
    sessions = [item["session_id"] for item in pages(client, f"/api/sessions?{chosen}", 7)]

    keep_only(connection, grouped[chosen])

    for path, answer in before.items():
        assert comparable(answer.json()) == approximate(comparable(client.get(path).json())), path
    assert compared == client.get("/api/compare?start_date=2024-10-01&end_date=2024-10-31&group_by=user").json()
    assert sessions == [item["session_id"] for item in pages(client, "/api/sessions?", 1000)]


@pytest.mark.parametrize("dimension", ["group", "repository"])
@pytest.mark.parametrize("dates", ["", "&start_date=2024-10-26&end_date=2024-11-03&tz=Europe/Berlin"])
def test_usage_by_group_has_for_each_what_the_filter_shows(
    client: TestClient, grouped: dict[str, list[int]], dimension: str, dates: str
) -> None:
    """A person who is active in two projects of a group at once is active once."""
    answer = client.get(f"/api/usage?group_by={dimension}{dates}").json()
    by_value = {item[dimension]: item for item in answer["items"]}

    named = "work" if dimension == "group" else "github.com/acme/shop"
    alone = client.get(f"/api/usage?group_by=user&{dimension}={named}{dates}").json()["totals"]
    assert {name: by_value[named][name] for name in alone} == pytest.approx(alone)
    for name in ("sessions", "total_tokens", "tool_calls", "messages"):
        assert sum(item[name] for item in answer["items"]) == answer["totals"][name], name
    assert dates or None in by_value, "of projects in none"


def test_a_comparison_by_group_has_the_groups(client: TestClient, grouped: dict[str, list[int]]) -> None:
    answer = client.get("/api/compare?start_date=2024-01-01&end_date=2024-12-31&group_by=group").json()
    assert {item["group"] for item in answer["items"]} == {"work", None}


def test_an_unknown_group_has_nothing(client: TestClient, grouped: dict[str, list[int]]) -> None:
    assert client.get("/api/stats?group=play").json()["totals"]["sessions"] == 0
    assert client.get("/api/sessions?group=play").json()["items"] == []
    assert client.get("/api/usage?group_by=day&repository=x").json()["totals"]["sessions"] == 0


def test_what_is_asked_of_a_part_is_answered_for_the_whole(
    client: TestClient, connection: Connection, grouped: dict[str, list[int]]
) -> None:
    """An address that somebody kept goes on showing something."""
    whole = grouped["group=work"][0]
    part = seed.add_project(connection, "/w/moved")
    connection.execute("UPDATE projects SET part_of = %s, merged_into = %s, merged_by = 'hand' WHERE id = %s", (whole, whole, part))
    for path in ("/api/stats?", "/api/usage?group_by=user&", "/api/sessions?"):
        assert client.get(f"{path}project_id={part}").json() == client.get(f"{path}project_id={whole}").json(), path
