"""Tool-call stats: counts, rates, percentiles and series agree with the calls, for every mix of filters."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests.example_counts import examples
from tests.integration.query import seed, world
from tests.kept_connection import Connection

with_database = settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
QUARTER = timedelta(minutes=15)
times = st.none() | st.integers(0, 4 * 24 * 300).map(lambda n: datetime(2024, 3, 1, tzinfo=UTC) + n * QUARTER)


def nearest_rank(durations: Sequence[int], share: float) -> int:
    return sorted(durations)[math.ceil(share * len(durations)) - 1]


def test_tool_stats_agree_with_the_calls(client: TestClient, connection: Connection) -> None:
    made = world.build(connection)
    calls = connection.execute(
        "SELECT c.project_id, u.name, tool_name, status, duration_ms, occurred_at FROM tool_calls c LEFT JOIN users u ON u.id = user_id"
    ).fetchall()

    @with_database
    @given(
        st.none() | st.sampled_from(made.projects),
        st.sampled_from([None, "ada", "bob", "nobody"]),
        st.sampled_from([None, "Bash"]),
        times,
        times,
    )
    def check(project: int | None, user: str | None, tool: str | None, start: datetime | None, end: datetime | None) -> None:
        if start and end and end < start:
            start, end = end, start
        given_parameters = {
            "project_id": project,
            "user": user,
            "tool_name": tool,
            "start_date": start and start.isoformat(),
            "end_date": end and end.isoformat(),
        }
        answer = client.get("/api/tool-calls/stats", params={name: value for name, value in given_parameters.items() if value is not None})
        assert answer.status_code == 200, answer.text
        chosen = [
            call for call in calls
            if project in (None, call[0]) and user in (None, call[1]) and tool in (None, call[2])
            and (start is None or call[5] >= start) and (end is None or call[5] < end)
        ]  # fmt: skip
        _check(answer.json(), chosen)

    check()


def _check(stats: dict[str, Any], calls: list[Any]) -> None:
    assert stats["total_calls"] == len(calls) == sum(tool["calls"] for tool in stats["tools"])
    assert sum(point["calls"] for point in stats["time_series"]) == len(calls)
    assert sum(point["errors"] for point in stats["time_series"]) == sum(call[3] in ("error", "timeout") for call in calls)
    assert {tool["tool_name"] for tool in stats["tools"]} == {call[2] for call in calls}
    for tool in stats["tools"]:
        mine = [call for call in calls if call[2] == tool["tool_name"]]
        durations = [call[4] for call in mine if call[4] is not None]
        errors = sum(call[3] in ("error", "timeout") for call in mine)
        assert (tool["success"], tool["errors"]) == (sum(call[3] == "success" for call in mine), errors)
        assert tool["rejected"] == sum(call[3] == "rejected" for call in mine)
        assert (tool["cancelled"], tool["pending"]) == tuple(sum(call[3] == status for call in mine) for status in ("cancelled", "pending"))
        assert tool["success"] + errors + tool["rejected"] + tool["cancelled"] + tool["pending"] == tool["calls"]
        assert tool["measured_calls"] + tool["estimated_calls"] + tool["untimed_calls"] == tool["calls"]
        assert tool["untimed_calls"] == len(mine) - len(durations)
        assert tool["error_rate"] == errors / len(mine)
        assert datetime.fromisoformat(tool["last_used"]) == max(call[5] for call in mine)
        assert tool["max_ms"] == max(durations, default=None)
        for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
            if durations:
                exact = nearest_rank(durations, share)
                assert abs(tool[name] - exact) <= 0.02 * exact + 0.05
            else:
                assert tool[name] is None


def test_a_tool_without_durations_has_no_percentiles(client: TestClient, connection: Connection) -> None:
    seed.add_tool_call(connection, None, datetime(2024, 1, 1, tzinfo=UTC), "Read", duration_ms=None, status="pending")
    seed.compute_totals(connection)
    [tool] = client.get("/api/tool-calls/stats").json()["tools"]
    assert (tool["calls"], tool["avg_ms"], tool["p50_ms"], tool["max_ms"]) == (1, None, None, None)
