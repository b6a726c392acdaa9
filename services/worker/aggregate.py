"""Step 6 of an event's path, second half: what a stored row adds to the aggregates. One definition for writing, re-keying and verifying.

Every SELECT below turns rows into signed contributions. `ROLL_UP` adds the contributions of the CTEs `activity_deltas`,
`active_deltas`, `tool_deltas`, `latency_deltas`, `file_deltas` and `usage_deltas` to the rollups. So an aggregate is always a sum of contributions, and
`services.worker.verify` recomputes it from the same text.
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
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)
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
    """Contributions of tool calls to tool_rollups, by UTC day. A withdrawn call lowers no maximum: see rekey.py."""
    latest = "max(duration_ms), max(occurred_at)" if sign == "+" else "NULL::bigint, NULL::timestamptz"
    return f"""
        SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name,
               {sign}count(*) AS calls, {sign}count(*) FILTER (WHERE status = 'success') AS success,
               {sign}count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, {sign}count(*) FILTER (WHERE status = 'rejected') AS rejected,
               {sign}count(duration_ms) AS timed_calls, {sign}coalesce(sum(duration_ms), 0)::bigint AS duration_ms, {latest}
        FROM {rows} GROUP BY 1, 2, 3, 4"""


def to_latencies(rows: str, sign: str = "+") -> str:
    """Contributions of timed tool calls to latency_rollups, by UTC day."""
    return f"""
        SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
               {sign}count(*) AS calls
        FROM {rows} WHERE duration_ms IS NOT NULL GROUP BY 1, 2, 3, 4, 5"""


USAGE_MEASURES = (*TOKENS, "cost_nano_usd", "api_calls", "unpriced_calls")


def to_usage(rows: str, sign: str = "+") -> str:
    """Contributions of API calls to usage_rollups, by UTC day."""
    sums = ", ".join(f"{sign}sum({(_CALL_TOKENS | _CALL_COUNTS)[name]})::bigint AS {name}" for name in USAGE_MEASURES)
    return f"""
        SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, coalesce(model, '') AS model, {sums}
        FROM {rows} GROUP BY 1, 2, 3, 4"""


def of_sessions_usage(rows: str, sign: str = "+") -> str:
    """The same of sessions whose tokens only a snapshot knows. It counts no calls."""
    measures = {name: name for name in TOKENS} | {"cost_nano_usd": "coalesce(cost_nano_usd, 0)"}
    sums = ", ".join(f"{sign}sum({measures.get(name, '0')})::bigint AS {name}" for name in USAGE_MEASURES)
    return f"""
        SELECT project_id, user_id, bucket_of(dated_at, 1440) AS bucket_start, coalesce(model, '') AS model, {sums}
        FROM {rows} WHERE counted AND usage_from_snapshot GROUP BY 1, 2, 3, 4"""


def to_files(rows: str, sign: str = "+") -> str:
    """Contributions of file activities to file_rollups, in 15-minute buckets."""
    return f"""
        SELECT project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key,
               {sign}count(*) AS touches, {sign}sum(lines_added)::bigint AS lines_added, {sign}sum(lines_removed)::bigint AS lines_removed
        FROM {rows} GROUP BY 1, 2, 3"""


TOOL_DELTA_COLUMNS = (
    "project_id, user_id, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms, max_ms, last_used_at"
)


def delta_ctes(activity: list[str], tools: list[str], latencies: list[str], files: list[str], usage: list[str]) -> str:
    """The CTEs that ROLL_UP reads, from SELECTs of contributions. `active_deltas` is the caller's.

    Summed up by 15-minute bucket here, since each of them is spread over sixteen cells later.
    """
    return f"""
    activity_deltas AS (
        SELECT project_id, user_id, bucket_start, {_SUMS} FROM ({" UNION ALL ".join(activity)}) AS contributions GROUP BY 1, 2, 3
    ),
    tool_deltas ({TOOL_DELTA_COLUMNS}) AS ({" UNION ALL ".join(tools)}),
    latency_deltas AS ({" UNION ALL ".join(latencies)}),
    file_deltas AS ({" UNION ALL ".join(files)}),
    usage_deltas AS ({" UNION ALL ".join(usage)})"""


GRAINS = "(VALUES (0), (15), (60), (1440)) AS g (grain_minutes)"

# The keys each contribution is counted under: the full cube of project and user for most; a person's active time is a union, not a sum, over
# projects, so its two halves come ready-made from active_days.
FILE_CELLS = f"""
        SELECT project_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, file_key,
               sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
        FROM file_deltas, {GRAINS} GROUP BY 1, 2, 3, 4"""

TOOL_CELLS = """
        SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, tool_name,
               sum(calls)::bigint AS calls, sum(success)::bigint AS success, sum(errors)::bigint AS errors, sum(rejected)::bigint AS rejected,
               sum(timed_calls)::bigint AS timed_calls, sum(duration_ms)::bigint AS duration_ms, max(max_ms) AS max_ms, max(last_used_at) AS last_used_at
        FROM tool_deltas AS d, (VALUES (0), (1440)) AS g (grain_minutes),
             LATERAL (VALUES (d.project_id, d.user_id), (-1, -1)) AS k (project_id, user_id)
        GROUP BY 1, 2, 3, 4, 5"""

LATENCY_CELLS = """
        SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(bucket_start, k.grain_minutes) AS bucket_start, tool_name, latency_bucket,
               sum(calls)::bigint AS calls
        FROM latency_deltas AS d,
             LATERAL (VALUES (d.project_id, d.user_id, 0), (-1, -1, 0), (-1, -1, 1440)) AS k (project_id, user_id, grain_minutes)
        GROUP BY 1, 2, 3, 4, 5, 6"""

USAGE_CELLS = f"""
        SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, model,
               {", ".join(f"sum({name})::bigint AS {name}" for name in USAGE_MEASURES)}
        FROM usage_deltas AS d, (VALUES (0), (1440)) AS g (grain_minutes),
             LATERAL (VALUES (d.project_id, d.user_id), (-1, -1)) AS k (project_id, user_id)
        GROUP BY 1, 2, 3, 4, 5"""

_ACTIVE_ONLY = ", ".join("active_us" if name == "active_us" else "0" for name in MEASURES)


def activity_cells(file_counts: str) -> str:
    """All contributions to activity_rollups by key. `file_counts` selects (project_id, grain_minutes, bucket_start, files_modified)."""
    files_only = ", ".join("files_modified" if name == "files_modified" else "0" for name in MEASURES)
    return f"""
        SELECT project_id, user_id, grain_minutes, bucket_start, {_SUMS}
        FROM (
            SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, {", ".join(MEASURES)}
            FROM activity_deltas AS d, {GRAINS},
                 LATERAL (VALUES (d.project_id, d.user_id), (d.project_id, -1), (-1, d.user_id), (-1, -1)) AS k (project_id, user_id)
            UNION ALL
            SELECT d.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes), {_ACTIVE_ONLY}
            FROM active_deltas AS d, {GRAINS}, LATERAL (VALUES (d.user_id), (-1)) AS k (user_id)
            UNION ALL
            SELECT k.project_id, -1, grain_minutes, bucket_start, {files_only}
            FROM ({file_counts}) AS f, LATERAL (VALUES (f.project_id), (-1)) AS k (project_id)
        ) AS contributions
        GROUP BY 1, 2, 3, 4"""


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
        "latencies": [to_latencies(calls, sign)],
        "files": [to_files(activities, sign)],
        "usage": [to_usage(api_calls, sign), of_sessions_usage(sessions, sign)],
    }


def _add(table: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in columns)


_TOOL_SUMS = ("calls", "success", "errors", "rejected", "timed_calls", "duration_ms")

# By table, the measures of a cell; one that is 0 in all of them is the same as none.
ROLLUP_MEASURES = {
    "activity_rollups": MEASURES,
    "tool_rollups": _TOOL_SUMS,
    "latency_rollups": ("calls",),
    "file_rollups": ("touches", "lines_added", "lines_removed"),
    "usage_rollups": USAGE_MEASURES,
}

# Each INSERT is ordered by its key, so that two workers take their locks in the same order.
ROLL_UP = f"""
    rolled_files AS (
        INSERT INTO file_rollups (project_id, grain_minutes, bucket_start, file_key, touches, lines_added, lines_removed)
        SELECT * FROM ({FILE_CELLS}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, grain_minutes, bucket_start, file_key) DO UPDATE SET {_add("file_rollups", ("touches", "lines_added", "lines_removed"))}
        RETURNING new.project_id, new.grain_minutes, new.bucket_start,
                  (new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified
    ),
    rolled_tools AS (
        INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, {", ".join(_TOOL_SUMS)}, max_ms, last_used_at)
        SELECT * FROM ({TOOL_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET {_add("tool_rollups", _TOOL_SUMS)},
            max_ms = greatest(tool_rollups.max_ms, excluded.max_ms), last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at)
    ),
    rolled_latencies AS (
        INSERT INTO latency_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, latency_bucket, calls)
        SELECT * FROM ({LATENCY_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name, latency_bucket) DO UPDATE SET {_add("latency_rollups", ("calls",))}
    ),
    rolled_usage AS (
        INSERT INTO usage_rollups (project_id, user_id, grain_minutes, bucket_start, model, {", ".join(USAGE_MEASURES)})
        SELECT * FROM ({USAGE_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, model) DO UPDATE SET {_add("usage_rollups", USAGE_MEASURES)}
    ),
    rolled_activity AS (
        INSERT INTO activity_rollups (project_id, user_id, grain_minutes, bucket_start, {", ".join(MEASURES)})
        SELECT * FROM ({activity_cells("SELECT * FROM rolled_files WHERE files_modified <> 0")}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start) DO UPDATE SET {_add("activity_rollups", MEASURES)}
    )"""
