"""Step 6 of an event's path, last: contributions become cells of the rollups, and are added to those that are there.

`ROLL_UP` reads the CTEs of aggregate.delta_ctes (`activity_deltas`, `tool_deltas`, `file_deltas`, `usage_deltas`) and the caller's `active_deltas`.
"""

from services.worker.aggregates.contributions import MEASURES, SUMS, TOOL_SUMS, TOOL_VECTORS, USAGE_MEASURES, sum_of

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

USAGE_CELLS = f"""
        SELECT k.project_id, k.user_id, grain_minutes, bucket_of(bucket_start, grain_minutes) AS bucket_start, model,
               {", ".join(map(sum_of, USAGE_MEASURES))}
        FROM usage_deltas AS d, (VALUES (0), (1440)) AS g (grain_minutes),
             LATERAL (VALUES (d.project_id, d.user_id), (-1, -1)) AS k (project_id, user_id)
        GROUP BY 1, 2, 3, 4, 5"""

_ACTIVE_ONLY = ", ".join("active_us" if name == "active_us" else "0" for name in MEASURES)


def activity_cells(file_counts: str) -> str:
    """All contributions to activity_rollups by key. `file_counts` selects (project_id, grain_minutes, bucket_start, files_modified)."""
    files_only = ", ".join("files_modified" if name == "files_modified" else "0" for name in MEASURES)
    return f"""
        SELECT project_id, user_id, grain_minutes, bucket_start, {SUMS}, coalesce(sum(active_by_quarter), 0) AS active_by_quarter
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

# By table, the measures of a cell; one that is 0 in all of them is the same as none.
ROLLUP_MEASURES = {
    "activity_rollups": (*MEASURES, "active_by_quarter"),
    "tool_rollups": TOOL_SUMS + TOOL_VECTORS,
    "file_rollups": ("touches", "lines_added", "lines_removed"),
    "usage_rollups": USAGE_MEASURES,
}

_FILE_CHANGES = """
        RETURNING new.project_id, new.grain_minutes, new.bucket_start, new.file_key,
                  (new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified"""


def _roll_up(returning: dict[str, str]) -> str:
    """The INSERTs, each ordered by its key, so that two workers take their locks in the same order."""
    return f"""
    rolled_files AS (
        INSERT INTO file_rollups (project_id, grain_minutes, bucket_start, file_key, touches, lines_added, lines_removed)
        SELECT * FROM ({FILE_CELLS}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, grain_minutes, bucket_start, file_key) DO UPDATE SET {_add("file_rollups", ("touches", "lines_added", "lines_removed"))}
        {_FILE_CHANGES}{returning.get("file_rollups", "")}
    ),
    rolled_file_sets AS (
        INSERT INTO file_sets (project_id, grain_minutes, bucket_start, chunk, bits)
        SELECT * FROM ({FILE_BITS.format(cells="SELECT * FROM rolled_files WHERE files_modified <> 0")}) AS bits ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, grain_minutes, bucket_start, chunk) DO UPDATE SET bits = file_sets.bits # excluded.bits
        {returning.get("file_sets", "")}
    ),
    rolled_tools AS (
        INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, {", ".join(TOOL_SUMS)}, max_ms, last_used_at,
                                  {", ".join(TOOL_VECTORS)})
        SELECT * FROM ({TOOL_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET {_add("tool_rollups", TOOL_SUMS + TOOL_VECTORS)},
            max_ms = greatest(tool_rollups.max_ms, excluded.max_ms), last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at)
        {returning.get("tool_rollups", "")}
    ),
    rolled_usage AS (
        INSERT INTO usage_rollups (project_id, user_id, grain_minutes, bucket_start, model, {", ".join(USAGE_MEASURES)})
        SELECT * FROM ({USAGE_CELLS}) AS cells ORDER BY 1, 2, 3, 4, 5
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, model) DO UPDATE SET {_add("usage_rollups", USAGE_MEASURES)}
        {returning.get("usage_rollups", "")}
    ),
    rolled_activity AS (
        INSERT INTO activity_rollups (project_id, user_id, grain_minutes, bucket_start, {", ".join(MEASURES)}, active_by_quarter)
        SELECT * FROM ({activity_cells(_FILES_ROLLED)}) AS cells ORDER BY 1, 2, 3, 4
        ON CONFLICT (project_id, user_id, grain_minutes, bucket_start) DO UPDATE SET {_add("activity_rollups", (*MEASURES, "active_by_quarter"))}
        {returning.get("activity_rollups", "")}
    )"""


ROLL_UP = _roll_up({})

# The same for what is taken away: cells that nothing is left in are noted in emptied_cells, by where the row is. A cell that is written again moves to
# another place. So DELETE_EMPTIED finds those that are still empty, and looks at no other row of the table.
_IS_EMPTY = {
    table: f"({', '.join(f'new.{name}' for name in measures)}) = ({', '.join('0' * len(measures))})"
    for table, measures in ROLLUP_MEASURES.items()
} | {"file_sets": "bit_count(new.bits) = 0"}
_ROLLED = {
    "file_rollups": "rolled_files",
    "file_sets": "rolled_file_sets",
    "tool_rollups": "rolled_tools",
    "usage_rollups": "rolled_usage",
    "activity_rollups": "rolled_activity",
}
_NOTED = {
    table: f"{',' if table == 'file_rollups' else 'RETURNING'} new.ctid AS place, {is_empty} AS is_empty"
    for table, is_empty in _IS_EMPTY.items()
}
_EMPTIED = " UNION ALL ".join(f"SELECT '{table}', place FROM {rolled} WHERE is_empty" for table, rolled in _ROLLED.items())
TAKE_AWAY = f"{_roll_up(_NOTED)} INSERT INTO emptied_cells (cells, place) {_EMPTIED}"
DELETE_EMPTIED = tuple(
    f"DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT place FROM emptied_cells WHERE cells = '{table}'))" for table in _ROLLED
)
