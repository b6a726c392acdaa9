"""Two periods side by side: /api/compare says of each measure what the reports of the two ranges say."""

import csv
import io
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed, world
from tests.kept_connection import Connection

RANGE = {"start_date": "2024-05-01", "end_date": "2024-05-31"}
BEFORE = {"start_date": "2024-04-01", "end_date": "2024-04-30"}
# (project, day, cost in nano USD)
CALLS = [("alpha", "2024-04-02", 1_000_000_000), ("alpha", "2024-05-03", 4_500_000_000), ("beta", "2024-04-30", 9_000_000_000)]


@pytest.fixture
def months(connection: Connection) -> None:
    """April and May: alpha went up by $3.50, beta was there in April alone, and gamma has a call in May without a price."""
    projects = {name: seed.add_project(connection, f"/home/dev/{name}") for name in ("alpha", "beta", "gamma")}
    for name, project_id in projects.items():
        seed.add_session(connection, name, project_id, dated_at="2024-04-01T00:00:00Z", started_at="2024-04-01T00:00:00Z")
    for name, day, cost in CALLS:
        seed.add_api_call(connection, name, f"{day}T10:00:00Z", output_tokens=10, cost_nano_usd=cost, model="claude-opus")
    seed.add_api_call(connection, "gamma", "2024-05-04T10:00:00Z", output_tokens=3, model="claude-next")
    for day, status, error_class in [("2024-04-05", "success", None), ("2024-05-05", "success", None), ("2024-05-06", "error", "timeout")]:
        seed.add_tool_call(connection, "alpha", f"{day}T10:00:00Z", status=status, error_class=error_class)
    seed.compute_totals(connection)


def changes(rows: list[dict[str, Any]], **of: Any) -> dict[str, tuple[Any, Any, Any]]:
    """{measure: (value, before, difference)} of one group."""
    chosen = [row for row in rows if all(row[name] == value for name, value in of.items())]
    return {row["measure"]: (row["value"], row["before"], row["difference"]) for row in chosen}


def test_a_month_is_compared_with_the_month_before(client: TestClient, months: None) -> None:
    answer = client.get("/api/compare", params=RANGE).json()
    assert (answer["range"]["start"], answer["range"]["end"]) == ("2024-05-01T00:00:00Z", "2024-06-01T00:00:00Z")
    assert (answer["range_before"]["start"], answer["range_before"]["end"]) == ("2024-04-01T00:00:00Z", "2024-05-01T00:00:00Z")
    assert changes(answer["totals"])["cost_usd"] == (4.5, 10.0, -5.5)
    assert changes(answer["totals"])["api_calls"] == (2, 2, 0)


def test_groups_come_by_how_far_they_moved_and_one_side_alone_is_zero(client: TestClient, months: None) -> None:
    items = client.get("/api/compare", params=RANGE | {"group_by": "project"}).json()["items"]
    assert list(dict.fromkeys(item["project_name"] for item in items)) == ["beta", "alpha", "gamma"]
    assert changes(items, project_name="beta")["cost_usd"] == (0, 9.0, -9.0)
    assert changes(items, project_name="alpha")["cost_usd"] == (4.5, 1.0, 3.5)


def test_an_unknown_cost_is_not_compared(client: TestClient, months: None) -> None:
    of_gamma = changes(client.get("/api/compare", params=RANGE).json()["items"], project_name="gamma")
    assert of_gamma["cost_usd"] == (None, 0, None)
    assert of_gamma["unpriced_calls"] == (1, 0, 1)


def test_rates_differ_by_points_and_a_rate_of_nothing_is_not_known(client: TestClient, months: None) -> None:
    of_tools = client.get("/api/compare", params=RANGE | {"group_by": "tool"}).json()
    assert changes(of_tools["totals"])["error_rate"] == (0.5, 0.0, 0.5)
    assert changes(of_tools["items"], tool_name="Bash")["calls"] == (2, 1, 1)
    of_classes = client.get("/api/compare", params=RANGE | {"group_by": "error_class"}).json()
    assert changes(of_classes["items"], error_class="timeout") == {"calls": (1, 0, 1), "share": (1.0, None, None)}


@pytest.mark.parametrize("group", ["project", "user", "model", "branch", "machine"])
def test_each_side_is_what_usage_says_of_its_range(client: TestClient, connection: Connection, group: str) -> None:
    world.build(connection)
    seed.compute_totals(connection)
    sides = {
        "value": {"start_date": "2024-04-01", "end_date": "2024-09-30"},
        "before": {"start_date": "2024-03-01", "end_date": "2024-03-31"},
    }
    compared = client.get("/api/compare", params=sides["value"] | {"group_by": group, "compare": "2024-03-01..2024-03-31"}).json()
    for side, dates in sides.items():
        usage = client.get("/api/usage", params=dates | {"group_by": group}).json()
        assert {row["measure"]: row[side] for row in compared["totals"]}.items() <= paid(usage["totals"]).items()
        for item in usage["items"]:
            keys = {name: item[name] for name in ("project_id", "user", "model", "branch", "machine_id") if name in item}
            told = [row for row in compared["items"] if all(row[name] == value for name, value in keys.items())]
            assert told
            assert {row["measure"]: row[side] for row in told}.items() <= paid(item).items()


def paid(sums: dict[str, Any]) -> dict[str, Any]:
    """Where nothing was used, nothing was paid."""
    return sums | ({} if sums["total_tokens"] else {"cost_usd": 0})


def test_as_csv_a_row_is_a_measure_of_a_group(client: TestClient, months: None) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/compare", params=RANGE | {"format": "csv"}).text)))
    assert list(rows[0]) == ["project_id", "project_name", "measure", "value", "before", "difference"]
    assert {(row["project_name"], row["difference"]) for row in rows if row["measure"] == "cost_usd"} == {
        ("beta", "-9.0"), ("alpha", "3.5"), ("gamma", ""),
    }  # fmt: skip


REFUSED = [
    ({}, "start_date"),
    ({"start_date": "2024-05-01"}, "end_date"),
    (RANGE | {"compare": "2024-04-01"}, "compare"),
    (RANGE | {"compare": "..2024-04-01"}, "compare"),
    (RANGE | {"compare": "x..y"}, "start_date"),
    (RANGE | {"group_by": "session"}, "group_by"),
]


@pytest.mark.parametrize(("asked", "field"), REFUSED)
def test_what_cannot_be_compared_is_refused_with_its_field(client: TestClient, asked: dict[str, str], field: str) -> None:
    answer = client.get("/api/compare", params=asked)
    assert answer.status_code == 400
    assert field in answer.json()["details"]
