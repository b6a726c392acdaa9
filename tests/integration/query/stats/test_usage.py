"""Usage: tokens and cost agree with the calls, for every grouping, mix of filters, time zone, range, and day of one session."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.kept_connection import Connection

with_database = settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
QUARTER = timedelta(minutes=15)
times = st.integers(0, 4 * 24 * 380).map(lambda n: (datetime(2024, 3, 1, tzinfo=UTC) + n * QUARTER).isoformat())
days = st.dates(date(2024, 3, 1), date(2025, 3, 10)).map(date.isoformat) | st.sampled_from(
    ["2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03"]
)
zones = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Pacific/Kiritimati",
    ]
)
MODELS = [None, "claude-opus", "claude-next", "claude-2"]
TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")


class Call:
    """An API call, or a session that is known from a claude.json alone."""

    def __init__(self, row: tuple[Any, ...]) -> None:
        self.project, self.project_name, self.user, self.model, self.at, self.calls, *numbers = row
        self.cost, self.uncached, self.saved, *self.tokens = numbers


CALLS = """
    SELECT nullif(c.project_id, 0), p.name, u.name, model, nullif(at, '-infinity'), n, cost_nano_usd, uncached, saved, i, o, cc, cr
    FROM (
        SELECT project_id, user_id, model, occurred_at AS at, 1 AS n, cost_nano_usd,
            uncached_nano_usd AS uncached, cache_saved_nano_usd AS saved, input_tokens AS i, output_tokens AS o,
            cache_write_5m_tokens + cache_write_1h_tokens AS cc, cache_read_tokens AS cr FROM api_calls
        UNION ALL SELECT project_id, user_id, model, dated_at, 0, cost_nano_usd, NULL, NULL, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens
        FROM sessions WHERE usage_from_snapshot
    ) AS c LEFT JOIN projects AS p ON p.id = c.project_id LEFT JOIN users AS u ON u.id = c.user_id
"""


def build(connection: Connection) -> tuple[list[int], list[Call]]:
    """The small world, with sessions that only a claude.json tells of and a call of no session. Its projects, and the calls."""
    made = world.build(connection)
    for number, (start, cost) in enumerate([(world.STARTS[1], 7), (world.STARTS[3] + timedelta(hours=5), None), (world.STARTS[4], 0)]):
        usage = {"input_tokens": 1, "cache_creation_tokens": 20, "cost_nano_usd": cost, "model": "claude-2", "usage_from_snapshot": True}
        seed.add_session(connection, f"snapshot-{number}", made.projects[number % 2], number, dated_at=start, **usage)
    seed.add_api_call(connection, None, world.STARTS[2], output_tokens=5)
    seed.add_api_call(connection, None, seed.UNDATED, output_tokens=50, model="claude-opus", cost_nano_usd=500)
    seed.compute_totals(connection)
    return made.projects, [Call(row) for row in connection.execute(CALLS.encode()).fetchall()]


ACTIVITY = ("sessions", "active_sessions", "active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "lines_removed")


def without_activity(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ACTIVITY}


def summed(calls: list[Call]) -> dict[str, Any]:
    tokens = [sum(call.tokens[n] for call in calls) for n in range(4)]
    priced = [call for call in calls if call.cost is not None and (call.calls or call.cost)]
    known = [call for call in calls if call.saved is not None]
    return dict(zip(TOKENS, tokens, strict=True)) | {
        "total_tokens": sum(tokens),
        "api_calls": sum(call.calls for call in calls),
        "unpriced_calls": sum(call.calls for call in calls if call.cost is None),
        "cost_usd": sum(call.cost for call in priced) / 1e9 if priced else None,
        "cache_saved_usd": sum(call.saved for call in known) / 1e9 if known else None,
        "uncached_input_usd": sum(call.uncached for call in known) / 1e9 if known else None,
        "cache_unknown_calls": sum(call.calls for call in calls if call.cost is not None and call.saved is None),
    }


def instant(text: str | None, tz: str, plus_days: int = 0) -> datetime | None:
    if text is None or len(text) > 10:
        return text and datetime.fromisoformat(text)  # type: ignore[return-value]
    day = date.fromisoformat(text) + timedelta(days=plus_days)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz)).astimezone(UTC)


def within(call: Call, start: datetime | None, end: datetime | None) -> bool:
    if call.at is None:
        return start is None
    return (start is None or call.at >= start) and (end is None or call.at < end)


@pytest.mark.parametrize("group_by", ["day", "model", "project", "user"])
def test_usage_agrees_with_the_calls(client: TestClient, connection: Connection, group_by: str) -> None:
    projects, calls = build(connection)
    users, some_projects = st.sampled_from([None, None, "ada", "bob", "nobody"]), st.none() | st.sampled_from(projects)

    @with_database
    @given(some_projects, users, st.sampled_from(MODELS), st.none() | days | times, st.none() | days | times, zones)
    def check(project: int | None, user: str | None, model: str | None, first: str | None, last: str | None, tz: str) -> None:
        if first and last and last[:10] <= first[:10]:
            first, last = last[:10], first[:10]
        asked = {"project_id": project, "user": user, "model": model, "start_date": first, "end_date": last, "tz": tz, "group_by": group_by}
        asked |= {"include_cost_parts": "true"}
        answer = client.get("/api/usage", params={name: value for name, value in asked.items() if value is not None})
        assert answer.status_code == 200, answer.text
        start, end = instant(first, tz), instant(last, tz, plus_days=1)
        chosen = [
            call for call in calls
            if project in (None, call.project) and user in (None, call.user) and model in (None, call.model) and within(call, start, end)
        ]  # fmt: skip
        usage = answer.json()
        usage["items"] = [without_activity(item) for item in usage["items"]]
        assert without_activity(usage["totals"]) == summed(chosen)
        parts, cost = usage["cost_parts"], usage["totals"]["cost_usd"]
        assert (parts is None) == (cost is None)
        assert sum(round(part * 1e9) for part in (parts or {}).values()) == round((cost or 0) * 1e9)
        if group_by == "day":
            _check_days(usage["items"], chosen, tz, explicit=bool(first and last))
        else:
            _check_groups(group_by, usage["items"], chosen)

    check()


def _check_days(items: list[dict[str, Any]], chosen: list[Call], tz: str, *, explicit: bool) -> None:
    by_day = defaultdict(list)
    for call in chosen:
        if call.at is not None:
            by_day[call.at.astimezone(ZoneInfo(tz)).date().isoformat()].append(call)
    listed = [item["day"] for item in items]
    assert set(by_day) <= set(listed)
    assert all(date.fromisoformat(following) - date.fromisoformat(day) == timedelta(days=1) for day, following in pairwise(listed))
    assert listed or not explicit
    assert items == [{"day": day} | summed(by_day[day]) for day in listed]


def _check_groups(group_by: str, items: list[dict[str, Any]], chosen: list[Call]) -> None:
    groups = defaultdict(list)
    for call in chosen:
        groups[getattr(call, group_by), call.project_name if group_by == "project" else None].append(call)
    names = {"model": ["model"], "user": ["user"], "project": ["project_id", "project_name"]}[group_by]
    expected = [dict(zip(names, key, strict=False)) | summed(group) for key, group in groups.items()]
    # Those in which there was only other activity
    items = [item for item in items if item in expected or not item.items() >= summed([]).items()]
    in_order = [sorted(each, key=lambda item: str(sorted(item.items()))) for each in (items, expected)]
    assert in_order[0] == in_order[1]
    order = [(item["cost_usd"] is None, -(item["cost_usd"] or 0), -item["total_tokens"]) for item in items]
    assert order == sorted(order)


def test_an_unknown_cost_is_null_and_not_zero(client: TestClient, connection: Connection) -> None:
    """given calls of an unknown price and calls that cost nothing, then the cost of the first is not known, and of the others 0."""
    noon = datetime(2024, 1, 15, 12, tzinfo=UTC)
    seed.add_api_call(connection, None, noon, input_tokens=5)
    seed.add_api_call(connection, None, noon, model="free", cost_nano_usd=0)
    seed.compute_totals(connection)
    usage = client.get("/api/usage?group_by=model").json()
    assert [(item["model"], item["cost_usd"], item["unpriced_calls"]) for item in usage["items"]] == [("free", 0.0, 0), (None, None, 1)]
    assert (usage["totals"]["cost_usd"], usage["totals"]["unpriced_calls"], usage["totals"]["api_calls"]) == (0.0, 1, 2)
    days = client.get("/api/usage?start_date=2024-01-14&end_date=2024-01-15").json()["items"]
    assert [(day["day"], day["cost_usd"], day["api_calls"]) for day in days] == [("2024-01-14", None, 0), ("2024-01-15", 0.0, 2)]


def test_usage_without_data_is_empty(client: TestClient, connection: Connection) -> None:
    for group_by in ("day", "week", "month", "model", "project", "user", "session", "branch", "user,day", "session,model"):
        usage = client.get("/api/usage", params={"group_by": group_by}).json()
        assert usage["items"] == usage["price_versions"] == []
        assert without_activity(usage["totals"]) == summed([])
        assert not any(usage["totals"].get(name) for name in ACTIVITY)
        assert usage["range"] == {"start": None, "end": None, "tz": "UTC", "is_default": True}


def test_usage_names_the_price_lists(client: TestClient, connection: Connection) -> None:
    build(connection)
    assert client.get("/api/usage?group_by=user").json()["price_versions"] == ["prices 1", "prices 2"]


SUMMED = (
    "sessions",
    "messages",
    "tool_calls",
    "tool_errors",
    "lines_added",
    "lines_removed",
    *TOKENS,
    "api_calls",
    "unpriced_calls",
    "cache_unknown_calls",
)
DOLLARS = ("cost_usd", "cache_saved_usd", "uncached_input_usd")
NEW_YORK = {"start_date": "2024-03-09", "end_date": "2024-11-02", "tz": "America/New_York"}
RANGES: list[dict[str, str]] = [{}, {"tz": "Asia/Kathmandu"}, NEW_YORK, {"start_date": "2024-03-30T05:15:00Z"}, {"end_date": "2024-10-27"}]
GROUPINGS = [
    "day", "week", "month", "project", "user", "session", "branch", "user,day", "project,user", "week,project", "session,month", "branch,user",
]  # fmt: skip


@pytest.fixture(scope="module")
def filled(kept_connection: Connection) -> list[int]:
    """The world of `build`, with branches, a title and undated events. Its projects."""
    projects, _ = build(kept_connection)
    kept_connection.execute("UPDATE sessions SET git_branch = 'branch-' || length(session_id) WHERE session_id LIKE 'session-%'")
    kept_connection.execute("UPDATE sessions SET title = 'The tenth' WHERE session_id = 'session-10'")
    return projects


@pytest.mark.parametrize("group_by", GROUPINGS)
def test_rows_of_usage_add_up_to_the_stats(kept_client: TestClient, filled: list[int], group_by: str) -> None:
    for dates in RANGES:
        for filters in ({}, {"project_id": filled[0]}):
            # Given the totals of the stats
            path = f"/api/projects/{filled[0]}/stats" if filters else "/api/stats"
            stats = kept_client.get(path, params=dates).json()["totals"]

            usage = kept_client.get("/api/usage", params=dates | filters | {"group_by": group_by}).json()

            # Then those of usage are the same, and so are the sums of its rows, but for what has no date
            assert {name: usage["totals"][name] for name in (*ACTIVITY, *TOKENS, *DOLLARS)} == {
                name: stats[name] for name in (*ACTIVITY, *TOKENS, *DOLLARS)
            }, (dates, filters)
            sums = {name: sum(item[name] for item in usage["items"]) for name in SUMMED}
            if "start_date" in dates or not {"day", "week", "month"} & set(group_by.split(",")):
                assert sums == {name: stats[name] for name in SUMMED}, (dates, filters)
                for name in DOLLARS:
                    assert sum(item[name] or 0 for item in usage["items"]) == pytest.approx(stats[name] or 0, abs=1e-9), name


@pytest.mark.parametrize("group_by", ["model", "model,project", "session,model"])
def test_what_the_cache_saved_by_model_adds_up_to_the_stats(kept_client: TestClient, filled: list[int], group_by: str) -> None:
    for dates in RANGES:
        stats = kept_client.get("/api/stats", params=dates).json()["totals"]

        items = kept_client.get("/api/usage", params=dates | {"group_by": group_by}).json()["items"]

        for name in DOLLARS:
            assert sum(item[name] or 0 for item in items) == pytest.approx(stats[name], abs=1e-9), name
        assert sum(item["cache_unknown_calls"] for item in items) == stats["cache_unknown_calls"]


def test_what_the_cache_saved_is_null_where_it_is_not_known(client: TestClient, connection: Connection) -> None:
    # Given a call of which it is known, one of an export that does not tell it, one without a price, and a session that only a claude.json tells of
    noon = datetime(2024, 1, 15, 12, tzinfo=UTC)
    project = seed.add_project(connection, "/p")
    known = {"model": "known", "cost_nano_usd": 5_000, "uncached_nano_usd": 4_000, "cache_saved_nano_usd": -1_000}
    calls = {"whole": [known], "part": [known, {"model": "older", "cost_nano_usd": 7_000}], "none": [{"model": "unpriced"}]}
    for session_id, of_session in calls.items():
        seed.add_session(connection, session_id, project, dated_at=noon)
        for call in of_session:
            seed.add_api_call(connection, session_id, noon, **call)
    snapshot = {"model": "summary", "cost_nano_usd": 9, "cache_read_tokens": 1000, "usage_from_snapshot": True}
    seed.add_session(connection, "summary", project, dated_at=noon, **snapshot)
    seed.compute_totals(connection)

    by_model = {item["model"]: item for item in client.get("/api/usage?group_by=model").json()["items"]}
    totals = client.get("/api/stats").json()["totals"]
    sessions = {item["session_id"]: item["cache_saved_usd"] for item in client.get("/api/sessions").json()["items"]}

    # Then it is a sum of the known ones, which may be negative; and the session of which a part is not known has none
    told = ("cache_saved_usd", "uncached_input_usd", "cache_unknown_calls")
    assert {model: tuple(item[name] for name in told) for model, item in by_model.items()} == {
        "known": (-2e-6, 8e-6, 0), "older": (None, None, 1), "unpriced": (None, None, 0), "summary": (None, None, 0),
    }  # fmt: skip
    assert tuple(totals[name] for name in told) == (-2e-6, 8e-6, 1)
    assert sessions == {"whole": -1e-6, "part": None, "none": None, "summary": None}


@pytest.mark.parametrize("dates", RANGES)
def test_a_row_of_usage_is_what_the_stats_say_of_it(kept_client: TestClient, filled: list[int], dates: dict[str, str]) -> None:
    same = (*ACTIVITY, *TOKENS, "api_calls", "unpriced_calls", "cache_unknown_calls", *DOLLARS)
    for item in kept_client.get("/api/usage", params=dates | {"group_by": "project"}).json()["items"]:
        if item["project_id"]:
            stats = kept_client.get(f"/api/projects/{item['project_id']}/stats", params=dates).json()["totals"]
            assert {name: item[name] for name in same} == {name: stats[name] for name in same}
    for interval in ("day", "week", "month"):
        series = kept_client.get("/api/stats", params=dates | {"interval": interval}).json()["time_series"]
        items = kept_client.get("/api/usage", params=dates | {"group_by": interval}).json()["items"]
        for point, item in zip(series, items, strict=True):
            assert point["date"][: len(item[interval])] == item[interval]
            assert {name: item[name] for name in same} == {name: point[name] for name in same}


def test_active_time_by_session_and_by_rollups_is_the_same(kept_client: TestClient, filled: list[int]) -> None:
    """given the sessions of one branch that is everything, then its users and days are active as long as over all."""
    for dates in RANGES:
        everything = kept_client.get("/api/usage", params=dates | {"group_by": "user,day"}).json()["items"]
        by_branch = kept_client.get("/api/usage", params=dates | {"group_by": "session,day"}).json()["items"]
        days = {item["day"] for item in everything if item["active_minutes"]}
        assert days == {item["day"] for item in by_branch if item["active_minutes"]}


def test_usage_by_session_names_it_and_its_branch_filters(kept_client: TestClient, filled: list[int]) -> None:
    sessions = {item["session_id"]: item for item in kept_client.get("/api/usage?group_by=session").json()["items"]}
    assert sessions["session-10"]["session_title"] == "The tenth"
    shown = kept_client.get("/api/sessions/session-10").json()
    assert (sessions["session-10"]["messages"], sessions["session-10"]["active_minutes"]) == (
        shown["messages_count"],
        shown["active_minutes"],
    )

    one = kept_client.get("/api/usage?group_by=model&session_id=session-10").json()
    assert one["totals"]["total_tokens"] == sessions["session-10"]["total_tokens"]
    branches = {item["branch"]: item for item in kept_client.get("/api/usage?group_by=branch").json()["items"]}
    of_branch = kept_client.get("/api/usage?group_by=session&branch=branch-10").json()
    assert of_branch["totals"] == without(without(branches["branch-10"], "branch"), "is_kept")
    assert {item["session_id"] for item in of_branch["items"]} == {f"session-{n}" for n in range(10, 24)}


def without(row: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize("group_by", ["weather", "day,week", "user,user", "user,day,model", "", "day,"])
def test_a_wrong_grouping_is_answered_with_the_dimensions(client: TestClient, group_by: str) -> None:
    answer = client.get("/api/usage", params={"group_by": group_by})
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["group_by"])
    assert "day, week, month" in answer.json()["message"]


def test_usage_has_at_most_4000_rows(client: TestClient, connection: Connection) -> None:
    connection.execute(
        "INSERT INTO sessions (session_id, counted, dated_at) SELECT 'many-' || n, true, '2024-01-15' FROM generate_series(1, 4001) AS n"
    )
    assert client.get("/api/usage?group_by=branch").status_code == 200
    answer = client.get("/api/usage?group_by=session")
    assert answer.status_code == 400
    assert "narrow it with start_date" in answer.json()["message"]


DAY = timedelta(days=1)


@pytest.fixture
def calls(connection: Connection) -> list[tuple[datetime, int]]:
    """When the calls of session `long` were, over both changes of Berlin's clock, and what each cost; beside a small world of two years."""
    projects = world.build(connection).projects
    seed.add_session(connection, "long", projects[0], started_at=datetime(2024, 3, 29, 22, 30, tzinfo=UTC))
    seed.add_session(connection, "undated-only", projects[0])
    seed.add_message(connection, "undated-only", seed.UNDATED)
    found = []
    for number in range(24):
        at = datetime(2024, 3, 29, 22, 30, tzinfo=UTC) + number * timedelta(hours=5, minutes=7)
        if number > 12:
            at += timedelta(days=206)
        found.append((at, 1000 + number))
        seed.add_message(connection, "long", at, role="assistant")
        seed.add_tool_call(connection, "long", at)
        seed.add_api_call(connection, "long", at, model="claude-opus", cost_nano_usd=1000 + number, input_tokens=number, output_tokens=2)
    seed.compute_totals(connection)
    return found


@pytest.mark.parametrize("tz", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_a_session_by_day_has_its_own_days_and_the_sums_of_its_calls(
    client: TestClient, calls: list[tuple[datetime, int]], tz: str
) -> None:
    days = Counter(at.astimezone(ZoneInfo(tz)).date() for at, _ in calls)
    nano_usd: Counter[date] = Counter()
    for at, cost in calls:
        nano_usd[at.astimezone(ZoneInfo(tz)).date()] += cost

    usage = client.get(f"/api/usage?session_id=long&group_by=day&tz={tz}").json()

    items = {date.fromisoformat(item["day"]): item for item in usage["items"]}
    assert list(items) == [min(days) + n * DAY for n in range((max(days) - min(days)).days + 1)]
    for day, item in items.items():
        assert (item["api_calls"], item["tool_calls"], item["messages"]) == (days[day],) * 3, day
        assert round((item["cost_usd"] or 0) * 1e9) == nano_usd[day]
        assert item["output_tokens"] == 2 * days[day]
        assert item["active_sessions"] == min(days[day], 1)
    assert (usage["totals"]["api_calls"], usage["totals"]["sessions"]) == (len(calls), 1)


def test_its_range_may_be_open_on_one_side(client: TestClient, calls: list[tuple[datetime, int]]) -> None:
    since = client.get("/api/usage?session_id=long&group_by=day&start_date=2024-10-25").json()
    until = client.get("/api/usage?session_id=long&group_by=day&end_date=2024-03-30").json()
    later = client.get("/api/usage?session_id=long&group_by=day&start_date=2025-01-01").json()

    assert (since["items"][0]["day"], since["items"][-1]["day"]) == ("2024-10-25", calls[-1][0].date().isoformat())
    assert [item["day"] for item in until["items"]] == ["2024-03-29", "2024-03-30"]
    assert later["items"] == []


@pytest.mark.parametrize("session_id", ["undated-only", "nobody"])
def test_a_session_without_a_date_has_no_days(client: TestClient, calls: list[tuple[datetime, int]], session_id: str) -> None:
    usage = client.get(f"/api/usage?session_id={session_id}&group_by=day").json()

    assert usage["items"] == []
    assert usage["totals"]["messages"] == (session_id == "undated-only")


def test_by_day_and_model_it_has_only_its_own(client: TestClient, calls: list[tuple[datetime, int]]) -> None:
    usage = client.get("/api/usage?session_id=long&group_by=day,model&tz=Europe/Berlin").json()

    assert {item["model"] for item in usage["items"]} == {"claude-opus"}
    assert sum(item["api_calls"] for item in usage["items"]) == usage["totals"]["api_calls"] == len(calls)


def test_a_cost_is_divided_by_what_was_paid_for(client: TestClient, connection: Connection) -> None:
    shop = seed.add_project(connection, "/home/ann/shop")
    seed.add_session(connection, "s", shop, started_at=world.STARTS[0])
    tokens = {"input_tokens": 10, "output_tokens": 20, "cache_write_5m_tokens": 30, "cache_read_tokens": 60}
    # Input at 1 each, writing at 1.25, reading at 0.1, and output at 5
    costs = {"cost_nano_usd": 153_500, "uncached_nano_usd": 100_000, "cache_saved_nano_usd": 46_500, "cache_write_nano_usd": 37_500}
    for model in ("claude-opus", "claude-2"):
        seed.add_api_call(connection, "s", world.STARTS[0], model=model, **tokens, **costs)
    seed.add_api_call(connection, "s", world.STARTS[0], model="claude-opus", output_tokens=1, cost_nano_usd=7_000)
    seed.compute_totals(connection)

    found = {
        query: client.get(f"/api/usage?group_by=month&include_cost_parts=true{query}").json()["cost_parts"]
        for query in ("", "&model=claude-2", "&session_id=s", "&end_date=2020-01-01")
    }

    each = {"input_usd": 10_000, "cache_write_usd": 37_500, "cache_read_usd": 6_000, "output_usd": 100_000}
    assert found["&model=claude-2"] == {name: nano / 1e9 for name, nano in each.items()} | {"unknown_usd": 0}
    assert found[""] == found["&session_id=s"] == {name: 2 * nano / 1e9 for name, nano in each.items()} | {"unknown_usd": 7e-6}
    assert found["&end_date=2020-01-01"] is None
    assert "cost_parts" not in client.get("/api/usage").json()
