-- Parts that statements of stats share. grains, starts, ends: the buckets that make up the range (ranges.cover), one element of each array a segment;
-- fine_…: those that no sums have, which are counted from the rows.
-- OFFSET 0 keeps each LATERAL a scan of an index for each segment. A condition that the parameters decide alone is gone before planning.

-- part: of_selection
(%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))

-- part: calls_in_segment
occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
    AND {of_selection}
    AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)

-- part: segments
unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)

-- part: fine_segments
unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)

-- part: of_cells
project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
    AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)

-- part: cells_of_tools
FROM {segments}
CROSS JOIN LATERAL (
    SELECT * FROM tool_rollups
    WHERE {of_cells}
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    OFFSET 0
) AS r

-- part: corrections
-- Cells around the edges of intervals, each added to one interval and taken off another (day_edges.py).
FROM (
    SELECT g."right", g.wrong, r.*
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[])
        AS g (grain_minutes, start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE {of_cells}
        OFFSET 0
    ) AS r
    OFFSET 0
) AS r
CROSS JOIN LATERAL (VALUES (r."right", 1), (r.wrong, -1)) AS k (i, sign)
WHERE k.i >= 0

-- part: days_of_series
FROM activity_rollups
WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = %(grain)s
    AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)

-- part: measures
t.wall_us / 60e6::float8 AS time_minutes, t.active_us / 60e6::float8 AS active_minutes,
t.user_messages + t.assistant_messages AS messages, t.user_messages, t.assistant_messages, t.files_modified, t.lines_added, t.lines_removed,
t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_creation_tokens, t.cache_read_tokens, t.api_calls, t.unpriced_calls,
CASE WHEN t.api_calls > t.unpriced_calls OR t.cost_nano_usd > 0 THEN t.cost_nano_usd / 1e9::float8 END AS cost_usd,
CASE WHEN t.cache_priced_calls > 0 THEN t.cache_saved_nano_usd / 1e9::float8 END AS cache_saved_usd,
CASE WHEN t.cache_priced_calls > 0 THEN t.uncached_nano_usd / 1e9::float8 END AS uncached_input_usd,
t.api_calls - t.unpriced_calls - t.cache_priced_calls AS cache_unknown_calls

-- part: touches
least(sum(touches), 9007199254740991)::bigint AS touches,
least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed

-- part: interval_of_cell
CASE WHEN %(edges)s::float8[] IS NULL THEN 0 ELSE width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 END AS i

-- part: touched_files
-- The conditions on project and grain are those of the index by time.
SELECT DISTINCT
    {interval_of_cell},
    r.file_key
FROM {fine_segments}
CROSS JOIN LATERAL (
    SELECT bucket_start, file_key FROM file_rollups
    WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s)
        AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
        AND touches > 0
    OFFSET 0
) AS r

-- part: touches_of_segments
CROSS JOIN LATERAL (
    SELECT project_id, file_key, touches, lines_added, lines_removed FROM file_rollups
    WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s)
        AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
    OFFSET 0
) AS r

-- part: most_touched
GROUP BY project_id, file_key
HAVING sum(touches) > 0
ORDER BY touches DESC, file_key
LIMIT %(top)s

-- part: dated
(%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)

-- part: projects_and_users
-- Keys are listed first, so that each is one descent in the primary key.
FROM (
    SELECT %(project_id)s::bigint AS id WHERE NOT %(every_project)s
    UNION ALL SELECT 0 WHERE %(every_project)s
    UNION ALL SELECT id FROM projects WHERE %(every_project)s
) AS p
CROSS JOIN (
    SELECT %(user_id)s::bigint AS id WHERE NOT %(every_user)s
    UNION ALL SELECT 0 WHERE %(every_user)s
    UNION ALL SELECT id FROM users WHERE %(every_user)s
) AS u

-- part: sums_of_activity
least(sum(e.messages), 9007199254740991)::bigint AS messages,
least(sum(e.tool_calls), 9007199254740991)::bigint AS tool_calls,
least(sum(e.tool_errors), 9007199254740991)::bigint AS tool_errors,
least(sum(e.lines_added), 9007199254740991)::bigint AS lines_added,
least(sum(e.lines_removed), 9007199254740991)::bigint AS lines_removed

-- part: sums_of_calls
least(sum(e.input_tokens), 9007199254740991)::bigint AS input_tokens,
least(sum(e.output_tokens), 9007199254740991)::bigint AS output_tokens,
least(sum(e.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
least(sum(e.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
least(sum(e.api_calls), 9007199254740991)::bigint AS api_calls,
least(sum(e.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
sum(e.cost_nano_usd)::float8 AS cost_nano_usd

-- part: sums_of_cache
least(sum(e.cache_priced_calls), 9007199254740991)::bigint AS cache_priced_calls,
sum(e.uncached_nano_usd)::float8 AS uncached_nano_usd,
sum(e.cache_saved_nano_usd)::float8 AS cache_saved_nano_usd

-- part: of_question
(%(session_id)s::text IS NULL OR session_id = %(session_id)s)
    AND (%(branch)s::text IS NULL OR session_id = ANY (ARRAY(SELECT session_id FROM sessions WHERE git_branch = %(branch)s)))
    AND {of_selection}

-- part: row_in_question
{dated}
    AND {of_question}
    AND (NOT %(from_totals)s OR session_id IS NULL)

-- part: calls_as_measures
1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd,
(cache_saved_nano_usd IS NOT NULL)::int AS cache_priced_calls, coalesce(uncached_nano_usd, 0) AS uncached_nano_usd,
coalesce(cache_saved_nano_usd, 0) AS cache_saved_nano_usd

-- part: idle_gap
SELECT make_interval(secs => coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer)) AS length
