"""Sessions that were active in an interval, beside those that started in it: as counted from the times of their rows, one by one."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.pages import pages_of
from tests.kept_connection import Connection

GAP = timedelta(minutes=5)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# A day of 23 and one of 25 hours in Berlin are among the days that sessions reach over.
SPRING, AUTUMN = datetime(2024, 3, 30, 20, tzinfo=UTC), datetime(2024, 10, 26, 20, tzinfo=UTC)
zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"])
days = st.dates(date(2024, 3, 28), date(2024, 4, 6)) | st.dates(date(2024, 10, 24), date(2024, 11, 3))


class Known:
    """A session by its keys, when it counts as started, and the times of all that is known of it."""

    def __init__(self, session_id: str, project: int, user: str | None, machine: str, times: Iterable[datetime]) -> None:
        self.session_id, self.project, self.user, self.machine = session_id, project, user, machine
        self.times = sorted(times)

    def is_active(self, start: datetime, end: datetime) -> bool:
        if any(start <= at < end for at in self.times):
            return True
        return any(a < end and b >= start and b - a <= GAP for a, b in pairwise(self.times))


@pytest.fixture(scope="module")
def known(kept_connection: Connection) -> list[Known]:
    """Sessions of minutes, of a night, and of days with days of silence; one that ends long after its last event; one without a date."""
    rng = random.Random(7)
    projects = [seed.add_project(kept_connection, f"/home/dev/{name}") for name in ("alpha", "beta")]
    users = {None: 0, "ada": seed.add_user(kept_connection, "ada"), "bob": seed.add_user(kept_connection, "bob")}
    found = []
    with kept_connection.pipeline():
        for number in range(60):
            project, user, machine = rng.choice(projects), rng.choice([*users]), rng.choice(["m-1", "m-2"])
            start = rng.choice([SPRING, AUTUMN]) + rng.randrange(4 * 24 * 60) * MINUTE + timedelta(seconds=rng.randrange(60))
            pauses = {
                0: [rng.randrange(1, 9) * MINUTE for _ in range(12)],
                1: [rng.randrange(1, 6) * MINUTE for _ in range(180)],
                2: [rng.choice([MINUTE, 4 * MINUTE, 6 * HOUR, 20 * HOUR, 2 * DAY]) for _ in range(12)],
                3: [],
            }[number % 4]
            times = [start]
            for pause in pauses:
                times.append(times[-1] + pause)
            columns = {"started_at": start}
            if number % 5 == 0:
                times.append(times[-1] + rng.choice([HOUR, 30 * HOUR]))
                columns["ended_at"] = times[-1]
            session_id = f"session-{number}"
            seed.add_session(kept_connection, session_id, project, users[user], **columns)
            kept_connection.execute("INSERT INTO session_machines VALUES (%s, %s)", (session_id, machine))
            for at in times[1 : len(pauses) + 1]:
                rng.choice([seed.add_message, seed.add_tool_call])(kept_connection, session_id, at)
            found.append(Known(session_id, project, user, machine, times))
        seed.add_session(kept_connection, "undated", projects[0], users["ada"])
        seed.add_session(kept_connection, "identity-only", projects[0], counted=False, started_at=SPRING)
        seed.compute_totals(kept_connection)
    return found


def midnight(day: date, tz: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz)).astimezone(UTC)


def count(chosen: list[Known], start: datetime, end: datetime) -> tuple[int, int]:
    """(sessions that started, sessions that were active)."""
    return sum(start <= each.times[0] < end for each in chosen), sum(each.is_active(start, end) for each in chosen)


def shown(measures: dict[str, Any]) -> tuple[int, int]:
    return measures["sessions"], measures["active_sessions"]


@pytest.mark.parametrize("machine", [None, "m-1"])
def test_stats_count_the_sessions_with_events_or_active_time_in_an_interval(
    kept_client: TestClient, known: list[Known], machine: str | None
) -> None:
    @settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        days,
        st.integers(0, 12),
        zones,
        st.sampled_from(["hour", "day", "week", "month"]),
        st.sampled_from([None, "ada", "bob"]),
        st.booleans(),
    )
    def check(first: date, length: int, tz: str, interval: str, user: str | None, one_project: bool) -> None:
        asked: dict[str, Any] = {"start_date": first, "end_date": first + length * DAY, "tz": tz, "interval": interval}
        filters = {"machine": machine, "user": user, "project_id": known[0].project if one_project else None}
        asked |= {name: value for name, value in filters.items() if value is not None}
        chosen = [
            each
            for each in known
            if machine in (None, each.machine) and user in (None, each.user) and (not one_project or each.project == known[0].project)
        ]
        start, end = midnight(first, tz), midnight(first + (length + 1) * DAY, tz)

        stats = kept_client.get("/api/stats", params=asked).json()

        assert shown(stats["totals"]) == count(chosen, start, end)
        edges = [datetime.fromisoformat(point["start"]) for point in stats["time_series"]]
        for point, since, until in zip(stats["time_series"], edges, [*edges[1:], end], strict=True):
            assert shown(point) == count(chosen, max(since, start), min(until, end)), point["start"]
            assert point["active_sessions"] or not point["active_minutes"]
        by_user = {each["user"]: shown(each) for each in stats["users"]}
        expected = {name: count([each for each in chosen if each.user == name], start, end) for name in (None, "ada", "bob")}
        assert by_user == {name: counts for name, counts in expected.items() if counts != (0, 0)}

    check()


KEYS: dict[str, tuple[str, Callable[[Known], Any]]] = {
    "project": ("project_id", lambda each: each.project),
    "user": ("user", lambda each: each.user),
    "session": ("session_id", lambda each: each.session_id),
    "machine": ("machine_id", lambda each: each.machine),
}


@pytest.mark.parametrize("dimension", KEYS)
@pytest.mark.parametrize("tz", ["Europe/Berlin", "Asia/Kathmandu"])
def test_usage_counts_them_by_day_and_by_each_key(kept_client: TestClient, known: list[Known], dimension: str, tz: str) -> None:
    name, key_of = KEYS[dimension]
    for first, last in [(date(2024, 3, 30), date(2024, 4, 4)), (date(2024, 10, 26), date(2024, 10, 30))]:
        expected: dict[tuple[Any, str], tuple[int, int]] = {}
        groups = defaultdict(list)
        for each in known:
            groups[key_of(each)].append(each)
        for day in (first + n * DAY for n in range((last - first).days + 1)):
            for key, chosen in groups.items():
                counts = count(chosen, midnight(day, tz), midnight(day + DAY, tz))
                if counts != (0, 0):
                    expected[key, day.isoformat()] = counts
        asked: dict[str, Any] = {"start_date": first, "end_date": last, "tz": tz}

        by_day = kept_client.get("/api/usage", params=asked | {"group_by": f"{dimension},day"}).json()
        in_all = kept_client.get("/api/usage", params=asked | {"group_by": dimension}).json()

        assert {(item[name], item["day"]): shown(item) for item in by_day["items"]} == expected
        start, end = midnight(first, tz), midnight(last + DAY, tz)
        whole = {key: counts for key, chosen in groups.items() if (counts := count(chosen, start, end)) != (0, 0)}
        assert {item[name]: shown(item) for item in in_all["items"]} == whole
        assert shown(by_day["totals"]) == shown(in_all["totals"]) == count(known, start, end)


def listed(client: TestClient, **asked: Any) -> list[dict[str, Any]]:
    """All pages of the list, a few items each."""
    return [item for page in pages_of(client, "/api/sessions", **asked, limit=4) for item in page["items"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_the_list_has_each_session_that_was_active_in_the_dates_once(kept_client: TestClient, known: list[Known], order: str) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        days,
        st.integers(0, 5),
        zones,
        st.sampled_from(["start_time", "active_minutes", "messages_count"]),
        st.fixed_dictionaries(
            {},
            optional={
                "user": st.sampled_from(["ada", "bob", "nobody"]),
                "machine": st.just("m-1"),
                "project_id": st.just(known[0].project),
            },
        ),
    )
    def check(first: date, length: int, tz: str, sort: str, filters: dict[str, Any]) -> None:
        start, end = midnight(first, tz), midnight(first + (length + 1) * DAY, tz)
        chosen = [each for each in known if all(getattr(each, name.removesuffix("_id")) == value for name, value in filters.items())]
        asked: dict[str, Any] = {"start_date": first, "end_date": first + length * DAY, "tz": tz, "sort": sort, "order": order} | filters

        active, started = listed(kept_client, by="active", **asked), listed(kept_client, **asked)

        assert sorted(item["session_id"] for item in active) == sorted(each.session_id for each in chosen if each.is_active(start, end))
        assert sorted(item["session_id"] for item in started) == sorted(each.session_id for each in chosen if start <= each.times[0] < end)
        keys = [(item[sort], item["session_id"]) for item in active]
        assert keys == sorted(keys, reverse=order == "desc")

    check()


def test_a_cursor_of_the_started_is_refused_for_the_active(kept_client: TestClient, known: list[Known]) -> None:
    cursor = kept_client.get("/api/sessions?start_date=2024-03-30&limit=1").json()["next_cursor"]

    refused = kept_client.get(f"/api/sessions?start_date=2024-03-30&limit=1&by=active&cursor={cursor}")

    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_CURSOR")
    assert kept_client.get("/api/sessions?by=ended").json()["code"] == "VALIDATION_ERROR"


def test_shares_of_neighbouring_dates_are_the_usage_of_the_session_by_day(kept_client: TestClient, known: list[Known]) -> None:
    names = ("active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "output_tokens", "api_calls", "cost_usd")
    parts = 0
    for day in (date(2024, 3, 30), date(2024, 3, 31), date(2024, 10, 27)):
        asked: dict[str, Any] = {"start_date": day, "end_date": day, "tz": "Europe/Berlin"}

        shares = {item["session_id"]: item["share"] for item in listed(kept_client, by="active", include_share="true", **asked)}

        usage = kept_client.get("/api/usage", params=asked | {"group_by": "session"}).json()["items"]
        expected = {item["session_id"]: {name: item[name] for name in names} for item in usage}
        assert {key: {name: share[name] for name in names} for key, share in shares.items()} == expected
        parts += sum(item["messages_count"] > shares[item["session_id"]]["messages"] for item in listed(kept_client, by="active", **asked))
    assert parts > 3


def test_without_dates_a_share_is_all_of_the_session(kept_client: TestClient, known: list[Known]) -> None:
    for item in listed(kept_client, include_share="true"):
        of_session = {"messages": item["messages_count"], "tool_calls": item["tool_calls_count"], "active_minutes": item["active_minutes"]}
        assert {name: item["share"][name] for name in of_session} == of_session
    assert "share" not in kept_client.get("/api/sessions?limit=1").json()["items"][0]


def test_a_session_over_midnight_starts_once_and_is_active_on_both_days(client: TestClient, connection: Connection) -> None:
    seed.add_session(connection, "s", seed.add_project(connection, "/p"))
    for at in (datetime(2024, 1, 15, 22, 59, tzinfo=UTC), datetime(2024, 1, 15, 23, 1, tzinfo=UTC), datetime(2024, 1, 18, 9, tzinfo=UTC)):
        seed.add_message(connection, "s", at)
    seed.compute_totals(connection)

    points = client.get("/api/stats?start_date=2024-01-15&end_date=2024-01-18&tz=Europe/Berlin").json()["time_series"]
    utc = client.get("/api/stats?start_date=2024-01-15&end_date=2024-01-18").json()

    assert [shown(each) for each in points] == [(1, 1), (0, 1), (0, 0), (0, 1)]
    assert [shown(each) for each in utc["time_series"]] == [(1, 1), (0, 0), (0, 0), (0, 1)]
    assert shown(utc["totals"]) == (1, 1)


def test_without_dates_every_session_is_active_once(kept_client: TestClient, known: list[Known]) -> None:
    everything = kept_client.get("/api/stats").json()["totals"]
    until = kept_client.get("/api/stats?end_date=2024-06-01").json()["totals"]

    # The one without a date too
    assert shown(everything) == (len(known) + 1, len(known) + 1)
    assert until["sessions"] == until["active_sessions"]


def test_an_interval_shorter_than_the_idle_gap_counts_the_same_way(client: TestClient, connection: Connection) -> None:
    # Given events from 10:00 to 12:00 with pauses below half an hour, and one at 13:00
    connection.execute("INSERT INTO fixed_settings (name, value) VALUES ('idle_gap_seconds', '1800')")
    ranges = '{["2024-01-15 10:00Z","2024-01-15 12:30Z"),["2024-01-15 13:00Z","2024-01-15 13:30Z")}'
    times: dict[str, Any] = {"dated_at": "2024-01-15T10:00Z", "first_event_at": "2024-01-15T10:00Z", "last_event_at": "2024-01-15T13:00Z"}
    seed.add_session(connection, "s", seed.add_project(connection, "/p"), active_ranges=ranges, **times)

    quarters = {
        start: client.get(f"/api/stats?start_date=2024-01-15T{start}Z&end_date=2024-01-15T{end}Z").json()["totals"]["active_sessions"]
        for start, end in pairwise(["11:00", "11:15", "12:00", "12:15", "12:45", "13:00", "13:15", "13:30"])
    }

    assert quarters == {"11:00": 1, "11:15": 1, "12:00": 1, "12:15": 0, "12:45": 0, "13:00": 1, "13:15": 0}
