"""Step 6 of an event's path, second half: what a stored row adds to the aggregates. One definition for writing, re-keying and verifying.

Every SELECT below turns rows into signed contributions; roll_up.py adds them to the rollups. So an aggregate is always a sum of contributions, and
`services.worker.maintenance.verify` recomputes it from the same text.
"""

from collections.abc import Callable

MEASURES = (
    "sessions",
    "wall_us",
    "active_us",
    "user_messages",
    "assistant_messages",
    "files_modified",
    "lines_added",
    "lines_removed",
    "tool_calls",
    "tool_errors",
    "input_tokens",
    "output_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "cost_nano_usd",
    "api_calls",
    "unpriced_calls",
)
# Kept as numeric: a few hundred thousand sessions of a year, or very dear calls, would be more than a bigint holds. Of the others no number of rows
# that a database can have is: shared/plausible.py bounds what one of them counts for.
WIDE = frozenset({"wall_us", "cost_nano_usd"})


def sum_of(name: str, expression: str | None = None) -> str:
    """The sum of a measure in the type that it is kept in."""
    return f"sum({expression or name})::{'numeric' if name in WIDE else 'bigint'} AS {name}"


SUMS = ", ".join(map(sum_of, MEASURES))
# Of an API call, and of a session whose file knows only its total. Writes to the cache of either length are one measure.
TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")


def _activity(rows: str, bucket_of: str, sign: str, **measures: str) -> str:
    """A SELECT of contributions to activity_rollups, a row of `rows` each, in 15-minute buckets."""
    columns = ", ".join(f"{sign}({measures.get(name, '0')}) AS {name}" for name in MEASURES)
    return f"SELECT project_id, user_id, bucket_of({bucket_of}, 15) AS bucket_start, {columns} FROM {rows}"


def of_messages(rows: str, sign: str = "+") -> str:
    """What messages add: one message of its role."""
    return _activity(rows, "occurred_at", sign, user_messages="(role = 'user')::int", assistant_messages="(role = 'assistant')::int")


_CALL_TOKENS = {name: name for name in TOKENS} | {"cache_creation_tokens": "cache_write_5m_tokens + cache_write_1h_tokens"}
_CALL_COUNTS = {"cost_nano_usd": "coalesce(cost_nano_usd, 0)", "api_calls": "1", "unpriced_calls": "(cost_nano_usd IS NULL)::int"}


def of_api_calls(rows: str, sign: str = "+") -> str:
    """What API calls add: their tokens, and their cost where the price is known."""
    return _activity(rows, "occurred_at", sign, **_CALL_TOKENS, **_CALL_COUNTS)


def of_tool_calls(rows: str, sign: str = "+") -> str:
    """What tool calls add: one call, and whether it failed."""
    return _activity(rows, "occurred_at", sign, tool_calls="1", tool_errors="(status IN ('error', 'timeout'))::int")


def of_activities(rows: str, sign: str = "+") -> str:
    """What file activities add: their lines. Distinct files are counted by file_rollups' rows."""
    return _activity(rows, "occurred_at", sign, lines_added="lines_added", lines_removed="lines_removed")


def of_sessions(rows: str, sign: str = "+") -> str:
    """What a session itself adds, at the moment it is dated: one session, its wall time, and what only its snapshot knows."""
    lines = {name: f"CASE WHEN lines_from_snapshot THEN {name} ELSE 0 END" for name in ("lines_added", "lines_removed")}
    usage = {name: f"CASE WHEN usage_from_snapshot THEN coalesce({name}, 0) ELSE 0 END" for name in (*TOKENS, "cost_nano_usd")}
    return _activity(f"{rows} WHERE counted", "dated_at", sign, sessions="1", wall_us="wall_us", **lines, **usage)


def to_tools(rows: str, sign: str = "+") -> str:
    """Contributions of tool calls to tool_rollups, by UTC day, and in `times` and the two `_by_quarter` as vectors (0002_weeks.sql).

    A withdrawn call lowers no maximum: see rework.py.
    """
    latest = "max(max_ms), max(last_used_at)" if sign == "+" else "NULL::bigint, NULL::timestamptz"
    sums = ", ".join(f"{sign}sum({name})::bigint AS {name}" for name in TOOL_SUMS)
    return f"""
        SELECT project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, {sums}, {latest},
               {sign}coalesce(sum(placed(timed_calls, latency_bucket + 1, 8)), 0) AS times,
               {sign}coalesce(sum(placed(calls, quarter_of_week(bucket_start), 8)), 0) AS calls_by_quarter,
               {sign}coalesce(sum(placed(errors, quarter_of_week(bucket_start), 8)), 0) AS errors_by_quarter
        FROM (
            SELECT project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, tool_name,
                   latency_bucket(duration_ms) AS latency_bucket, count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                   count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                   count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0)::bigint AS duration_ms,
                   max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at
            FROM {rows} GROUP BY 1, 2, 3, 4, 5
        ) AS calls_of_a_time
        GROUP BY 1, 2, 3, 4"""


USAGE_MEASURES = (*TOKENS, "cost_nano_usd", "api_calls", "unpriced_calls")


def to_usage(rows: str, sign: str = "+") -> str:
    """Contributions of API calls to usage_rollups, by UTC day."""
    sums = ", ".join(f"{sign}{sum_of(name, (_CALL_TOKENS | _CALL_COUNTS)[name])}" for name in USAGE_MEASURES)
    return f"""
        SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model, {sums}
        FROM {rows} GROUP BY 1, 2, 3, 4"""


def of_sessions_usage(rows: str, sign: str = "+") -> str:
    """The same of sessions whose tokens only a snapshot knows. It counts no calls."""
    measures = {name: name for name in TOKENS} | {"cost_nano_usd": "coalesce(cost_nano_usd, 0)"}
    sums = ", ".join(f"{sign}{sum_of(name, measures.get(name, '0'))}" for name in USAGE_MEASURES)
    return f"""
        SELECT project_id, user_id, bucket_of(dated_at, 1440) AS bucket_start, coalesce(model, '') AS model, {sums}
        FROM {rows} WHERE counted AND usage_from_snapshot GROUP BY 1, 2, 3, 4"""


def to_files(rows: str, sign: str = "+") -> str:
    """Contributions of file activities to file_rollups, in 15-minute buckets."""
    return f"""
        SELECT project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key,
               {sign}count(*) AS touches, {sign}sum(lines_added)::bigint AS lines_added, {sign}sum(lines_removed)::bigint AS lines_removed
        FROM {rows} GROUP BY 1, 2, 3"""


TOOL_SUMS = ("calls", "success", "errors", "rejected", "timed_calls", "duration_ms")
TOOL_VECTORS = ("times", "calls_by_quarter", "errors_by_quarter")
_TOOL_DELTA_COLUMNS = (
    f"project_id, user_id, bucket_start, tool_name, {', '.join(TOOL_SUMS)}, max_ms, last_used_at, {', '.join(TOOL_VECTORS)}"
)


def delta_ctes(activity: list[str], tools: list[str], files: list[str], usage: list[str]) -> str:
    """The CTEs that ROLL_UP reads, from SELECTs of contributions. `active_deltas` is the caller's.

    Summed up by 15-minute bucket here, since each of them is spread over twenty cells later.
    """
    return f"""
    activity_deltas AS (
        SELECT project_id, user_id, bucket_start, {SUMS} FROM ({" UNION ALL ".join(activity)}) AS contributions GROUP BY 1, 2, 3
    ),
    tool_deltas ({_TOOL_DELTA_COLUMNS}) AS ({" UNION ALL ".join(tools)}),
    file_deltas AS ({" UNION ALL ".join(files)}),
    usage_deltas AS ({" UNION ALL ".join(usage)})"""


def of_rows(row_source: Callable[[str], str], sign: str) -> dict[str, list[str]]:
    """All contributions of stored rows, as arguments of delta_ctes. `row_source` names the rows of a table that are meant."""
    calls, activities, sessions, api_calls = map(row_source, ("tool_calls", "activities", "sessions", "api_calls"))
    return {
        "activity": [
            of_messages(row_source("messages"), sign),
            of_tool_calls(calls, sign),
            of_activities(activities, sign),
            of_api_calls(api_calls, sign),
            of_sessions(sessions, sign),
        ],
        "tools": [to_tools(calls, sign)],
        "files": [to_files(activities, sign)],
        "usage": [to_usage(api_calls, sign), of_sessions_usage(sessions, sign)],
    }
