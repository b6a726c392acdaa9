"""Step 6 of an event's path, second half: what a stored row adds to the aggregates. One definition for writing, re-keying and verifying.

Every SELECT below turns rows into signed contributions. `ROLL_UP` adds the contributions of the CTEs `activity_deltas`,
`active_deltas`, `tool_deltas` and `file_deltas` to the rollups. So an aggregate is always a sum of contributions, and
`services.worker.verify` recomputes it from the same text.
"""

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
)
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in MEASURES)
TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")


def _activity(rows: str, bucket_of: str, sign: str, **measures: str) -> str:
    """A SELECT of contributions to activity_rollups, a row of `rows` each, in 15-minute buckets."""
    columns = ", ".join(f"{sign}({measures.get(name, '0')}) AS {name}" for name in MEASURES)
    return f"SELECT project_id, user_id, bucket_of({bucket_of}, 15) AS bucket_start, {columns} FROM {rows}"


def of_messages(rows: str, sign: str = "+") -> str:
    """What messages add: one message, and the tokens it says it used."""
    counts = {"user_messages": "(role = 'user')::int", "assistant_messages": "(role = 'assistant')::int"}
    return _activity(rows, "occurred_at", sign, **counts, **{name: name for name in TOKENS})


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

    A withdrawn call lowers no maximum: see rekey.py.
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


def delta_ctes(activity: list[str], tools: list[str], files: list[str]) -> str:
    """The CTEs that ROLL_UP reads, from SELECTs of contributions. `active_deltas` is the caller's.

    Summed up by 15-minute bucket here, since each of them is spread over twenty cells later.
    """
    return f"""
    activity_deltas AS (
        SELECT project_id, user_id, bucket_start, {_SUMS} FROM ({" UNION ALL ".join(activity)}) AS contributions GROUP BY 1, 2, 3
    ),
    tool_deltas ({_TOOL_DELTA_COLUMNS}) AS ({" UNION ALL ".join(tools)}),
    file_deltas AS ({" UNION ALL ".join(files)})"""


WEEK = 10080
_GRAINS = "(VALUES (0), (15), (60), (1440), (10080)) AS g (grain_minutes)"

# The keys each contribution is counted under: the full cube of project and user for most; a person's active time is a union, not a sum, over
# projects, so its two halves come ready-made from active_days.
FILE_CELLS = """
        SELECT k.project_id, k.grain_minutes, bucket_of(bucket_start, k.grain_minutes) AS bucket_start, file_key,
               sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
        FROM file_deltas AS d,
             LATERAL (VALUES (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080), (-1, 1440), (-1, 10080))
                 AS k (project_id, grain_minutes)
        GROUP BY 1, 2, 3, 4"""

# A withdrawn vector may leave a negative number for a moment within a statement, never in a row.
TOOL_CELLS = f"""
        SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, tool_name,
               {", ".join(f"sum({name})::bigint AS {name}" for name in TOOL_SUMS)}, max(max_ms) AS max_ms, max(last_used_at) AS last_used_at,
               sum(times) AS times, {", ".join(f"coalesce(sum({name}) FILTER (WHERE grain_minutes = {WEEK}), 0) AS {name}" for name in TOOL_VECTORS[1:])}
        FROM tool_deltas AS d, (VALUES (0), (1440), (10080)) AS g (grain_minutes),
             LATERAL (VALUES (d.project_id, d.user_id), (d.project_id, -1), (-1, d.user_id), (-1, -1)) AS k (project_id, user_id)
        GROUP BY 1, 2, 3, 4, 5"""

# Of cells of file_rollups that came to be touched, or no longer are: the bits to turn over in file_sets.
FILE_BITS = """
        SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk, bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
        FROM ({cells}) AS c JOIN files AS f USING (file_key) WHERE c.grain_minutes IN (1440, 10080) GROUP BY 1, 2, 3, 4"""

_ACTIVE_ONLY = ", ".join("active_us" if name == "active_us" else "0" for name in MEASURES)


def activity_cells(file_counts: str) -> str:
    """All contributions to activity_rollups by key. `file_counts` selects (project_id, grain_minutes, bucket_start, files_modified)."""
    files_only = ", ".join("files_modified" if name == "files_modified" else "0" for name in MEASURES)
    return f"""
        SELECT project_id, user_id, grain_minutes, bucket_start, {_SUMS}, coalesce(sum(active_by_quarter), 0) AS active_by_quarter
        FROM (
            SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, {", ".join(MEASURES)},
                   NULL::numeric AS active_by_quarter
            FROM activity_deltas AS d, {_GRAINS},
                 LATERAL (VALUES (d.project_id, d.user_id), (d.project_id, -1), (-1, d.user_id), (-1, -1)) AS k (project_id, user_id)
            UNION ALL
            SELECT d.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes), {_ACTIVE_ONLY},
                   CASE grain_minutes WHEN {WEEK} THEN placed(active_us, quarter_of_week(bucket_start), 16) END
            FROM active_deltas AS d, {_GRAINS}, LATERAL (VALUES (d.user_id), (-1)) AS k (user_id)
            UNION ALL
            SELECT k.project_id, -1, grain_minutes, bucket_start, {files_only}, NULL
            FROM ({file_counts}) AS f, LATERAL (VALUES (f.project_id), (-1)) AS k (project_id)
            WHERE f.project_id <> -1
        ) AS contributions
        GROUP BY 1, 2, 3, 4"""


def _add(table: str, columns: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in columns)


_FILES_ROLLED = "SELECT project_id, grain_minutes, bucket_start, files_modified FROM rolled_files WHERE files_modified <> 0"

# Each INSERT is ordered by its key, so that two workers take their locks in the same order.
ROLL_UP = f"""
    rolled_files AS (
        INSERT INTO file_rollups (project_id, grain_minutes, bucket_start, file_key, touches, lines_added, lines_removed)
        SELECT * FROM ({FILE_CELLS}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, grain_minutes, bucket_start, file_key) DO UPDATE SET {_add("file_rollups", ("touches", "lines_added", "lines_removed"))}
        RETURNING new.project_id, new.grain_minutes, new.bucket_start, new.file_key,
                  (new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified
    ),
    rolled_file_sets AS (
        INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
        SELECT * FROM ({FILE_BITS.format(cells="SELECT * FROM rolled_files WHERE files_modified <> 0")}) AS bits ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, grain_minutes, bucket_start, chunk) DO UPDATE SET bits = file_sets.bits # excluded.bits
    ),
    rolled_tools AS (
        INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, {", ".join(TOOL_SUMS)}, max_ms, last_used_at,
                                  {", ".join(TOOL_VECTORS)})
        SELECT * FROM ({TOOL_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET {_add("tool_rollups", TOOL_SUMS + TOOL_VECTORS)},
            max_ms = greatest(tool_rollups.max_ms, excluded.max_ms), last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at)
    ),
    rolled_activity AS (
        INSERT INTO activity_rollups (project_id, user_id, grain_minutes, bucket_start, {", ".join(MEASURES)}, active_by_quarter)
        SELECT * FROM ({activity_cells(_FILES_ROLLED)}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start) DO UPDATE SET {_add("activity_rollups", (*MEASURES, "active_by_quarter"))}
    )"""
