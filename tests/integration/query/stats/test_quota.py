"""`GET /api/quota`: windows as they were observed, never computed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

A, B = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"
NOW = datetime.now(UTC).replace(microsecond=0)
RESET = (NOW + timedelta(hours=2)).replace(second=0)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The times of a test are those of its beginning: the module may be read long before."""
    now = datetime.now(UTC).replace(microsecond=0)
    monkeypatch.setitem(globals(), "NOW", now)
    monkeypatch.setitem(globals(), "RESET", (now + timedelta(hours=2)).replace(second=0))


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def read(connection: Connection, used: float, first: float = 1, last: float | None = None, **columns: Any) -> None:
    """A percentage that was read, first and last so many minutes ago."""
    row = {"user_id": 0, "machine_id": "m", "source": "status_line", "kind": "five_hour", "resets_at": RESET} | columns
    row |= {"source": "usage_cache"} if row.get("account") else {}
    row |= {"used_percentage": used, "first_read_at": ago(first), "last_read_at": ago(first if last is None else last)}
    names = ", ".join(row)
    connection.execute(f"INSERT INTO quota_readings ({names}) VALUES ({', '.join(f'%({name})s' for name in row)})".encode(), row)


def ask(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    return json_of(client, f"/api/quota{query}")["windows"]


def time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_without_readings_nothing_is_known(client: TestClient) -> None:
    assert client.get("/api/quota").json() == {"windows": [], "need": None, "decided_by": None, "left_percentage": None}
    assert client.get("/api/quota?need=10").status_code == 200


def test_a_window_says_how_full_until_when_and_who_read_it_when(client: TestClient, connection: Connection) -> None:
    read(connection, 20, 40)
    read(connection, 35.5, 30, 2)

    [window] = ask(client)

    assert (window["kind"], window["used_percentage"], time(window["resets_at"])) == ("five_hour", 35.5, RESET)
    assert (time(window["read_at"]), window["source"], window["machine_id"]) == (ago(2), "status_line", "m")
    assert window["freshness"] == "current"
    assert [(time(point["at"]), point["used_percentage"]) for point in window["series"]] == [(ago(40), 20.0), (ago(30), 35.5)]


def test_the_most_that_was_read_of_one_window_holds(client: TestClient, connection: Connection) -> None:
    """given a parallel session that knows an older percentage, then it lowers nothing"""
    read(connection, 60, 10)
    read(connection, 42, 5)

    [window] = ask(client)

    assert window["used_percentage"] == 60
    assert time(window["read_at"]) == ago(5)
    assert [point["used_percentage"] for point in window["series"]] == [60]


FORGED = [
    pytest.param({"machine_id": "forged", "used_percentage": 99}, id="another machine"),
    pytest.param({"key_id": "bens", "used_percentage": 99}, id="another key that names the same machine"),
    pytest.param({"machine_id": "forged", "used_percentage": 99, "resets_at": timedelta(hours=4)}, id="a later window"),
]


@pytest.mark.parametrize("forged", FORGED)
def test_a_machine_does_not_overrule_what_another_has_read_since(
    client: TestClient, connection: Connection, forged: dict[str, Any]
) -> None:
    """given a reading of ann's account that somebody else sent, then it holds until a machine of hers has read it again, and names its key"""
    forged = {"key_id": "bens"} | forged
    if "resets_at" in forged:
        forged = forged | {"resets_at": RESET + forged["resets_at"]}
    used = forged.pop("used_percentage")
    read(connection, 40, 20, account=A, key_id="anns")
    read(connection, used, 10, account=A, **forged)

    [told] = ask(client)
    read(connection, 41, 1, account=A, key_id="anns")
    [told_since] = ask(client)

    assert (told["used_percentage"], told["key_id"]) == (99, "bens")
    assert (told_since["used_percentage"], told_since["key_id"], time(told_since["resets_at"])) == (41, "anns", RESET)
    assert [point["used_percentage"] for point in told_since["series"]] == [40, 41]


def test_a_later_reset_is_a_new_window_even_with_a_lower_percentage(client: TestClient, connection: Connection) -> None:
    read(connection, 97, 10, kind="seven_day", resets_at=RESET)
    read(connection, 1, 5, kind="seven_day", resets_at=RESET + timedelta(days=7))

    [window] = ask(client)

    assert (window["used_percentage"], time(window["resets_at"])) == (1, RESET + timedelta(days=7))


def test_pace_is_what_is_used_beside_what_has_passed(client: TestClient, connection: Connection) -> None:
    read(connection, 30, 10)
    read(connection, 30, 10, kind="fortnight")

    [fortnight, five_hour] = sorted(ask(client), key=lambda window: window["kind"], reverse=True)

    # Three of five hours have passed.
    assert five_hour["elapsed_percentage"] == pytest.approx(60, abs=0.5)
    assert five_hour["pace"] == pytest.approx(0.5, abs=0.01)
    assert (fortnight["window_seconds"], fortnight["elapsed_percentage"], fortnight["pace"]) == (None, None, None)


def test_a_window_that_nobody_has_read_for_long_is_old_and_has_no_forecast(client: TestClient, connection: Connection) -> None:
    for number, used in enumerate((10, 20, 30)):
        read(connection, used, 120 - number)

    [window] = ask(client)

    assert (window["freshness"], window["forecast"], window["no_forecast"]) == ("old", None, "old")
    assert time(window["read_at"]) == ago(118)


def test_a_window_that_has_reset_is_over(client: TestClient, connection: Connection) -> None:
    read(connection, 99, 300, resets_at=ago(200))

    [window] = ask(client)

    assert (window["freshness"], window["pace"], window["no_forecast"]) == ("over", None, "over")
    assert client.get("/api/quota?need=10").status_code == 200, "how full the next one is, nobody knows"


def test_a_forecast_is_the_slope_over_active_time(client: TestClient, connection: Connection) -> None:
    for used, minutes in ((10, 55), (20, 35), (30, 15)):
        read(connection, used, minutes)
    [no_work] = ask(client)
    for quarter in range(5):
        start = (NOW - timedelta(minutes=15 * quarter)).replace(second=0)
        start -= timedelta(minutes=start.minute % 15)
        cell = {"project_id": -1, "user_id": 0, "grain_minutes": 15, "bucket_start": start, "active_us": 900 * 10**6}
        names = ", ".join(cell)
        seed.write_sums(connection, f"INSERT INTO activity_rollups ({names}) VALUES ({', '.join(f'%({name})s' for name in cell)})", cell)

    [window] = ask(client)

    assert (no_work["forecast"], no_work["no_forecast"]) == (None, "no_active_time")
    forecast = window["forecast"]
    assert forecast["percent_per_active_hour"] == {"likely": 30.0, "low": 30.0, "high": 30.0}
    assert forecast["active_share"] == 1.0
    # Two hours and a quarter are left since the last reading.
    assert forecast["at_reset"]["likely"] == pytest.approx(97.5, abs=1)
    assert window["no_forecast"] is None


def test_fewer_than_three_readings_make_no_forecast(client: TestClient, connection: Connection) -> None:
    read(connection, 10, 20)
    read(connection, 20, 10)

    [window] = ask(client)

    assert (window["forecast"], window["no_forecast"]) == (None, "few_readings")


def test_readings_are_of_an_account_where_one_is_known_and_else_of_a_person(client: TestClient, connection: Connection) -> None:
    ann, bob, carl = (seed.add_user(connection, name) for name in ("ann", "bob", "carl"))
    read(connection, 20, 9, user_id=ann, machine_id="of ann", account=A)
    read(connection, 25, 5, user_id=ann, machine_id="of ann")
    read(connection, 40, 3, user_id=bob, machine_id="of bob", account=A)
    read(connection, 70, 3, user_id=carl, machine_id="of carl")

    windows = ask(client)

    assert [(window["account"], window["users"], window["used_percentage"]) for window in windows] == [
        (None, ["carl"], 70.0),
        (A, ["ann", "bob"], 40.0),
    ]
    assert [window["used_percentage"] for window in ask(client, "?user=ann")] == [25.0]
    assert [window["account"] for window in ask(client, f"?account={A}")] == [A]


def test_a_status_line_is_of_the_account_that_has_its_window(client: TestClient, connection: Connection) -> None:
    """given a person who changed the account, then the former account's window is not taken for the new one's"""
    later = RESET + timedelta(days=2)
    read(connection, 90, 50, 40, kind="seven_day", resets_at=later)
    read(connection, 88, 55, kind="seven_day", resets_at=later, account=A)
    read(connection, 5, 20, kind="seven_day", account=B)
    read(connection, 7, 10, kind="seven_day")

    windows = {window["account"]: window["used_percentage"] for window in ask(client)}

    assert windows == {A: 90.0, B: 7.0}


def test_a_merged_user_is_shown_as_the_one_that_is_left(client: TestClient, connection: Connection) -> None:
    ann = seed.add_user(connection, "ann")
    connection.execute("INSERT INTO users (name, alias_of) VALUES ('ann@laptop', %s)", [ann])
    row = connection.execute("SELECT id FROM users WHERE name = 'ann@laptop'").fetchone()
    assert row is not None
    read(connection, 20, user_id=row[0])

    assert [window["users"] for window in ask(client, "?user=ann")] == [["ann"]]


def test_a_scheduler_is_told_to_wait_until_the_window_resets(client: TestClient, connection: Connection) -> None:
    read(connection, 95)
    read(connection, 50, kind="seven_day", resets_at=RESET + timedelta(days=3))

    asked_at = datetime.now(UTC)
    enough, refused = client.get("/api/quota?need=5"), client.get("/api/quota?need=10")
    answered_at = datetime.now(UTC)

    assert enough.status_code == 200
    assert (enough.json()["decided_by"], enough.json()["left_percentage"]) == ("five_hour", 5.0)
    assert (refused.status_code, refused.json()["code"]) == (429, "NOT_ENOUGH_QUOTA")
    assert refused.json()["details"] == {"five_hour": "5 % left"}
    wait = int(refused.headers["retry-after"])
    assert (RESET - answered_at).total_seconds() <= wait <= (RESET - asked_at).total_seconds() + 1


def test_the_window_that_resets_last_decides_how_long_to_wait(client: TestClient, connection: Connection) -> None:
    read(connection, 95)
    read(connection, 99, kind="seven_day", resets_at=RESET + timedelta(days=3))

    refused = client.get("/api/quota?need=10")

    assert set(refused.json()["details"]) == {"five_hour", "seven_day"}
    assert int(refused.headers["retry-after"]) > 3 * 86_400


def test_the_window_of_one_model_decides_only_where_it_is_named(client: TestClient, connection: Connection) -> None:
    read(connection, 100, kind="seven_day_opus")
    read(connection, 10, kind="seven_day")

    assert client.get("/api/quota?need=10").status_code == 200
    assert client.get("/api/quota?need=10&kind=seven_day_opus").status_code == 429


@pytest.mark.parametrize("query", ["need=0", "need=101", "need=much", "kind=Five%20hours", "account=ann", "until=now"])
def test_a_parameter_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/api/quota?{query}").status_code == 400
