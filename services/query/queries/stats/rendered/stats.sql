-- name: series_bounds
SELECT date_part('epoch', min(bucket_start)) AS first, date_part('epoch', max(bucket_start)) + 900 AS last
FROM activity_rollups
WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 15 AND bucket_start > '-infinity'

-- name: totals
SELECT t.sessions, least(t.sessions + %(went_on)s, 9007199254740991)::bigint AS active_sessions,
    t.wall_us / 60e6::float8 AS time_minutes, t.active_us / 60e6::float8 AS active_minutes,
    t.user_messages + t.assistant_messages AS messages, t.user_messages, t.assistant_messages, t.files_modified, t.lines_added, t.lines_removed,
    t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_creation_tokens, t.cache_read_tokens, t.api_calls, t.unpriced_calls,
    CASE WHEN t.api_calls > t.unpriced_calls OR t.cost_nano_usd > 0 THEN t.cost_nano_usd / 1e9::float8 END AS cost_usd,
    CASE WHEN t.cache_priced_calls > 0 THEN t.cache_saved_nano_usd / 1e9::float8 END AS cache_saved_usd,
    CASE WHEN t.cache_priced_calls > 0 THEN t.uncached_nano_usd / 1e9::float8 END AS uncached_input_usd,
    t.api_calls - t.unpriced_calls - t.cache_priced_calls AS cache_unknown_calls,
    coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer) AS idle_gap_seconds
FROM (
    SELECT least(coalesce(sum(r.sessions), 0), 9007199254740991)::bigint AS sessions,
        coalesce(sum(r.wall_us), 0)::float8 AS wall_us,
        coalesce(sum(r.active_us), 0)::float8 AS active_us,
        least(coalesce(sum(r.user_messages), 0), 9007199254740991)::bigint AS user_messages,
        least(coalesce(sum(r.assistant_messages), 0), 9007199254740991)::bigint AS assistant_messages,
        least(coalesce(sum(r.files_modified), 0), 9007199254740991)::bigint AS files_modified,
        least(coalesce(sum(r.lines_added), 0), 9007199254740991)::bigint AS lines_added,
        least(coalesce(sum(r.lines_removed), 0), 9007199254740991)::bigint AS lines_removed,
        least(coalesce(sum(r.tool_calls), 0), 9007199254740991)::bigint AS tool_calls,
        least(coalesce(sum(r.tool_errors), 0), 9007199254740991)::bigint AS tool_errors,
        least(coalesce(sum(r.input_tokens), 0), 9007199254740991)::bigint AS input_tokens,
        least(coalesce(sum(r.output_tokens), 0), 9007199254740991)::bigint AS output_tokens,
        least(coalesce(sum(r.cache_creation_tokens), 0), 9007199254740991)::bigint AS cache_creation_tokens,
        least(coalesce(sum(r.cache_read_tokens), 0), 9007199254740991)::bigint AS cache_read_tokens,
        least(coalesce(sum(r.api_calls), 0), 9007199254740991)::bigint AS api_calls,
        least(coalesce(sum(r.unpriced_calls), 0), 9007199254740991)::bigint AS unpriced_calls,
        coalesce(sum(r.cost_nano_usd), 0)::float8 AS cost_nano_usd,
        least(coalesce(sum(r.cache_priced_calls), 0), 9007199254740991)::bigint AS cache_priced_calls,
        coalesce(sum(r.uncached_nano_usd), 0)::float8 AS uncached_nano_usd,
        coalesce(sum(r.cache_saved_nano_usd), 0)::float8 AS cache_saved_nano_usd
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r
) AS t

-- name: series
SELECT t.i, t.sessions,
    t.wall_us / 60e6::float8 AS time_minutes, t.active_us / 60e6::float8 AS active_minutes,
    t.user_messages + t.assistant_messages AS messages, t.user_messages, t.assistant_messages, t.files_modified, t.lines_added, t.lines_removed,
    t.tool_calls, t.tool_errors, t.input_tokens, t.output_tokens, t.cache_creation_tokens, t.cache_read_tokens, t.api_calls, t.unpriced_calls,
    CASE WHEN t.api_calls > t.unpriced_calls OR t.cost_nano_usd > 0 THEN t.cost_nano_usd / 1e9::float8 END AS cost_usd,
    CASE WHEN t.cache_priced_calls > 0 THEN t.cache_saved_nano_usd / 1e9::float8 END AS cache_saved_usd,
    CASE WHEN t.cache_priced_calls > 0 THEN t.uncached_nano_usd / 1e9::float8 END AS uncached_input_usd,
    t.api_calls - t.unpriced_calls - t.cache_priced_calls AS cache_unknown_calls
FROM (
    SELECT e.i,
        least(sum(e.sign * e.sessions), 9007199254740991)::bigint AS sessions,
        sum(CASE WHEN e.sign > 0 THEN e.wall_us ELSE -e.wall_us END)::float8 AS wall_us,
        sum(e.sign * e.active_us)::float8 AS active_us,
        least(sum(e.sign * e.user_messages), 9007199254740991)::bigint AS user_messages,
        least(sum(e.sign * e.assistant_messages), 9007199254740991)::bigint AS assistant_messages,
        least(sum(e.sign * e.files_modified), 9007199254740991)::bigint AS files_modified,
        least(sum(e.sign * e.lines_added), 9007199254740991)::bigint AS lines_added,
        least(sum(e.sign * e.lines_removed), 9007199254740991)::bigint AS lines_removed,
        least(sum(e.sign * e.tool_calls), 9007199254740991)::bigint AS tool_calls,
        least(sum(e.sign * e.tool_errors), 9007199254740991)::bigint AS tool_errors,
        least(sum(e.sign * e.input_tokens), 9007199254740991)::bigint AS input_tokens,
        least(sum(e.sign * e.output_tokens), 9007199254740991)::bigint AS output_tokens,
        least(sum(e.sign * e.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
        least(sum(e.sign * e.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
        least(sum(e.sign * e.api_calls), 9007199254740991)::bigint AS api_calls,
        least(sum(e.sign * e.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
        sum(CASE WHEN e.sign > 0 THEN e.cost_nano_usd ELSE -e.cost_nano_usd END)::float8 AS cost_nano_usd,
        least(sum(e.sign * e.cache_priced_calls), 9007199254740991)::bigint AS cache_priced_calls,
        sum(CASE WHEN e.sign > 0 THEN e.uncached_nano_usd ELSE -e.uncached_nano_usd END)::float8 AS uncached_nano_usd,
        sum(CASE WHEN e.sign > 0 THEN e.cache_saved_nano_usd ELSE -e.cache_saved_nano_usd END)::float8 AS cache_saved_nano_usd
    FROM (
        SELECT width_bucket(date_part('epoch', bucket_start), %(edges)s::float8[]) - 1 AS i, 1 AS sign,
            sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls, tool_errors,
            input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls,
            uncached_nano_usd, cache_saved_nano_usd
        FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = %(grain)s
            AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
        UNION ALL
        SELECT k.i, k.sign,
            r.sessions, r.wall_us, r.active_us, r.user_messages, r.assistant_messages, r.files_modified, r.lines_added, r.lines_removed, r.tool_calls,
            r.tool_errors, r.input_tokens, r.output_tokens, r.cache_creation_tokens, r.cache_read_tokens, r.api_calls, r.unpriced_calls,
            r.cost_nano_usd, r.cache_priced_calls, r.uncached_nano_usd, r.cache_saved_nano_usd
        FROM (
            SELECT g."right", g.wrong, r.*
            FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[])
                AS g (grain_minutes, start, until, "right", wrong)
            CROSS JOIN LATERAL (
                SELECT * FROM activity_rollups
                WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
                    AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
                OFFSET 0
            ) AS r
            OFFSET 0
        ) AS r
        CROSS JOIN LATERAL (VALUES (r."right", 1), (r.wrong, -1)) AS k (i, sign)
        WHERE k.i >= 0
    ) AS e
    GROUP BY e.i
) AS t

-- name: calls_over_time
SELECT e.i, least(sum(e.sign * e.tool_calls), 9007199254740991)::bigint AS calls,
    least(sum(e.sign * e.tool_errors), 9007199254740991)::bigint AS errors
FROM (
    SELECT width_bucket(date_part('epoch', bucket_start), %(edges)s::float8[]) - 1 AS i, 1 AS sign, tool_calls, tool_errors
    FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = %(grain)s
        AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
    UNION ALL
    SELECT k.i, k.sign, r.tool_calls, r.tool_errors
    FROM (
        SELECT g."right", g.wrong, r.*
        FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[])
            AS g (grain_minutes, start, until, "right", wrong)
        CROSS JOIN LATERAL (
            SELECT * FROM activity_rollups
            WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
                AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
            OFFSET 0
        ) AS r
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (r."right", 1), (r.wrong, -1)) AS k (i, sign)
    WHERE k.i >= 0
) AS e
GROUP BY e.i

-- name: users
SELECT t.name AS user, t.sessions, least(t.sessions + t.went_on, 9007199254740991)::bigint AS active_sessions, t.messages,
    t.active_us / 60e6::float8 AS active_minutes, t.tool_calls, t.lines_added, t.lines_removed, t.api_calls, t.unpriced_calls,
    CASE WHEN t.api_calls > t.unpriced_calls OR t.cost_nano_usd > 0 THEN t.cost_nano_usd / 1e9::float8 END AS cost_usd
FROM (
    SELECT u.id, u.name, coalesce(max(w.went_on), 0) AS went_on,
        least(coalesce(sum(r.sessions), 0), 9007199254740991)::bigint AS sessions,
        coalesce(sum(r.active_us), 0)::float8 AS active_us,
        least(coalesce(sum(r.user_messages) + sum(r.assistant_messages), 0), 9007199254740991)::bigint AS messages,
        least(coalesce(sum(r.tool_calls), 0), 9007199254740991)::bigint AS tool_calls,
        least(coalesce(sum(r.lines_added), 0), 9007199254740991)::bigint AS lines_added,
        least(coalesce(sum(r.lines_removed), 0), 9007199254740991)::bigint AS lines_removed,
        least(coalesce(sum(r.api_calls), 0), 9007199254740991)::bigint AS api_calls,
        least(coalesce(sum(r.unpriced_calls), 0), 9007199254740991)::bigint AS unpriced_calls,
        coalesce(sum(r.cost_nano_usd), 0)::float8 AS cost_nano_usd
    FROM (
        SELECT id, name
        FROM (SELECT 0 AS id, NULL AS name UNION ALL SELECT id, name FROM users) AS everyone
        WHERE %(user_id)s = -1 OR id = %(user_id)s
    ) AS u
    LEFT JOIN unnest(%(went_on_users)s::bigint[], %(went_on)s::bigint[]) AS w (user_id, went_on) ON w.user_id = u.id
    CROSS JOIN unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    LEFT JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = u.id AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r ON true
    GROUP BY u.id, u.name
    HAVING max(w.went_on) > 0 OR (sum(r.sessions), sum(r.wall_us), sum(r.active_us), sum(r.user_messages), sum(r.assistant_messages),
        sum(r.files_modified), sum(r.lines_added), sum(r.lines_removed), sum(r.tool_calls), sum(r.tool_errors), sum(r.input_tokens),
        sum(r.output_tokens), sum(r.cache_creation_tokens), sum(r.cache_read_tokens), sum(r.api_calls), sum(r.unpriced_calls),
        sum(r.cost_nano_usd)) <> (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
) AS t
ORDER BY t.active_us DESC, t.sessions DESC, t.id

-- name: distinct_files
WITH whole AS MATERIALIZED (
    SELECT CASE WHEN %(edges)s::float8[] IS NULL THEN 0 ELSE width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 END AS i,
        r.chunk, bit_or(r.bits) AS bits
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT bucket_start, chunk, bits FROM file_sets
        WHERE project_id = %(project_id)s AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r
    GROUP BY 1, 2
)
SELECT i, sum(files)::bigint AS files
FROM (
    SELECT i, bit_count(bits) AS files FROM whole
    UNION ALL
    SELECT c.i, 1
    FROM (
        SELECT DISTINCT
            CASE WHEN %(edges)s::float8[] IS NULL THEN 0 ELSE width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 END AS i,
            r.file_key
        FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
        CROSS JOIN LATERAL (
            SELECT bucket_start, file_key FROM file_rollups
            WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
                AND (%(project_id)s = -1 OR project_id = %(project_id)s)
                AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
                AND touches > 0
            OFFSET 0
        ) AS r
    ) AS c
    JOIN files AS f USING (file_key)
    LEFT JOIN whole AS w ON w.i = c.i AND w.chunk = f.number / 4096
    WHERE w.chunk IS NULL OR get_bit(w.bits, mod(f.number, 4096)::integer) = 0
) AS d
GROUP BY i

-- name: distinct_files_of_hours
SELECT i, count(*) AS files
FROM (
    SELECT DISTINCT
        CASE WHEN %(edges)s::float8[] IS NULL THEN 0 ELSE width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 END AS i,
        r.file_key
    FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT bucket_start, file_key FROM file_rollups
        WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s)
            AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
            AND touches > 0
        OFFSET 0
    ) AS r
) AS d
GROUP BY i

-- name: distinct_files_by_interval
SELECT w.i - 1 AS i, d.files
FROM unnest(%(starts)s::float8[], %(ends)s::float8[]) WITH ORDINALITY AS w (start, until, i)
CROSS JOIN LATERAL (
    SELECT count(*) AS files
    FROM (
        SELECT DISTINCT file_key FROM file_rollups
        WHERE grain_minutes = %(grain)s AND bucket_start >= to_timestamp(w.start) AND bucket_start < to_timestamp(w.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s)
            AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
            AND touches > 0
    ) AS f
) AS d

-- name: top_files_of_all_time
SELECT project_id, file_key, touches,
    least(lines_added, 9007199254740991)::bigint AS lines_added, least(lines_removed, 9007199254740991)::bigint AS lines_removed
FROM file_rollups
WHERE grain_minutes = 0 AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(project_id)s <> -1 OR project_id <> -1) AND touches > 0
ORDER BY touches DESC, file_key
LIMIT %(top)s

-- name: top_files_of_range
SELECT project_id, file_key,
    least(sum(touches), 9007199254740991)::bigint AS touches,
    least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
    least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed
FROM (
    SELECT r.project_id, r.file_key, r.touches, r.lines_added, r.lines_removed
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT project_id, file_key, touches, lines_added, lines_removed FROM file_rollups
        WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s)
            AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
        OFFSET 0
    ) AS r
) AS r
GROUP BY project_id, file_key
HAVING sum(touches) > 0
ORDER BY touches DESC, file_key
LIMIT %(top)s

-- name: top_files_of_candidates
WITH often AS MATERIALIZED (
    SELECT project_id, file_key, touches AS ever FROM file_rollups
    WHERE grain_minutes = 0 AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(project_id)s <> -1 OR project_id <> -1)
    ORDER BY touches DESC
    LIMIT %(candidates)s
)
SELECT project_id, file_key,
    least(sum(touches), 9007199254740991)::bigint AS touches,
    least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
    least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed,
    (SELECT count(*) FROM often) AS candidates, (SELECT min(ever) FROM often) AS least
FROM (
    SELECT o.project_id, o.file_key, r.touches, r.lines_added, r.lines_removed
    FROM often AS o
    CROSS JOIN unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT touches, lines_added, lines_removed FROM file_rollups
        WHERE file_key = o.file_key AND project_id = o.project_id AND project_id <> -1 AND grain_minutes IN (1440, 10080)
            AND grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT f.*
    FROM (
        SELECT r.project_id, r.file_key, r.touches, r.lines_added, r.lines_removed
        FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
        CROSS JOIN LATERAL (
            SELECT project_id, file_key, touches, lines_added, lines_removed FROM file_rollups
            WHERE grain_minutes = g.grain_minutes AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
                AND (%(project_id)s = -1 OR project_id = %(project_id)s)
                AND (%(project_id)s <> -1 OR project_id <> -1 AND grain_minutes > 0)
            OFFSET 0
        ) AS r
    ) AS f
    JOIN often USING (project_id, file_key)
) AS r
GROUP BY project_id, file_key
HAVING sum(touches) > 0
ORDER BY touches DESC, file_key
LIMIT %(top)s

-- name: top_files_of_rows
SELECT project_id, file_key, count(*) AS touches,
    least(sum(lines_added), 9007199254740991)::bigint AS lines_added,
    least(sum(lines_removed), 9007199254740991)::bigint AS lines_removed
FROM activities
WHERE (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
GROUP BY project_id, file_key
ORDER BY touches DESC, file_key
LIMIT %(top)s

-- name: distinct_files_of_rows
SELECT CASE WHEN %(edges)s::float8[] IS NULL THEN 0 ELSE width_bucket(date_part('epoch', occurred_at), %(edges)s::float8[]) - 1 END AS i,
    count(DISTINCT file_key) AS files
FROM activities
WHERE (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    AND (%(start)s::timestamptz IS NULL OR occurred_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR occurred_at < %(end)s)
GROUP BY i

-- name: shown_files
SELECT f.file_path, nullif(t.project_id, 0) AS project_id, t.touches, t.lines_added, t.lines_removed, a.last_touched
FROM unnest(%(project_ids)s::bigint[], %(file_keys)s::uuid[], %(touches)s::bigint[], %(lines_added)s::bigint[], %(lines_removed)s::bigint[])
    WITH ORDINALITY AS t (project_id, file_key, touches, lines_added, lines_removed, n)
LEFT JOIN files AS f ON f.file_key = t.file_key
LEFT JOIN LATERAL (
    SELECT nullif(occurred_at, '-infinity') AS last_touched FROM activities
    WHERE file_key = t.file_key AND project_id = t.project_id AND occurred_at >= %(start)s AND occurred_at < %(end)s
        AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    ORDER BY occurred_at DESC
    LIMIT 1
) AS a ON true
ORDER BY t.n

-- name: tools
SELECT r.tool_name, sum(r.calls)::bigint AS calls, sum(r.success)::bigint AS success, sum(r.errors)::bigint AS errors,
    sum(r.rejected)::bigint AS rejected, sum(r.errors)::float8 / nullif(sum(r.calls), 0) AS error_rate,
    sum(r.measured_calls)::bigint AS measured_calls, (sum(r.timed_calls) - sum(r.measured_calls))::bigint AS estimated_calls,
    (sum(r.calls) - sum(r.timed_calls))::bigint AS untimed_calls,
    sum(r.waited_calls)::bigint AS waited_calls, sum(r.waited_ms)::bigint AS waited_ms,
    round(sum(r.waited_ms) / nullif(sum(r.waited_calls), 0), 1)::float8 AS avg_wait_ms,
    CASE
        WHEN %(include_estimated)s THEN round(sum(r.duration_ms) / nullif(sum(r.timed_calls), 0), 1)
        ELSE round(sum(r.measured_ms) / nullif(sum(r.measured_calls), 0), 1)
    END::float8 AS avg_ms,
    CASE WHEN %(include_estimated)s THEN max(r.max_ms) ELSE max(r.max_measured_ms) END AS max_ms, max(r.last_used_at) AS last_used
FROM (
    SELECT r.tool_name, r.calls, r.success, r.errors, r.rejected, r.timed_calls, r.duration_ms, r.max_ms, r.last_used_at,
        r.measured_calls, r.measured_ms, r.max_measured_ms, r.waited_calls, r.waited_ms
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT * FROM tool_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT r.tool_name, 1, (r.status = 'success')::int, (r.status IN ('error', 'timeout'))::int, (r.status = 'rejected')::int,
        (r.duration_ms IS NOT NULL)::int, coalesce(r.duration_ms, 0), r.duration_ms, nullif(r.occurred_at, '-infinity'),
        (r.measured_ms IS NOT NULL)::int, coalesce(r.measured_ms, 0), r.measured_ms, (r.wait_ms IS NOT NULL)::int, coalesce(r.wait_ms, 0)
    FROM unnest(%(fine_grains)s::smallint[], %(fine_starts)s::float8[], %(fine_ends)s::float8[]) AS g (grain_minutes, start, until)
    CROSS JOIN LATERAL (
        SELECT tool_name, status, duration_ms, occurred_at, wait_ms, CASE duration_source WHEN 'reported' THEN duration_ms END AS measured_ms
        FROM tool_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        OFFSET 0
    ) AS r
) AS r (tool_name, calls, success, errors, rejected, timed_calls, duration_ms, max_ms, last_used_at,
    measured_calls, measured_ms, max_measured_ms, waited_calls, waited_ms)
GROUP BY r.tool_name
HAVING sum(r.calls) > 0
ORDER BY calls DESC, r.tool_name

-- name: active_quarters
SELECT width_bucket(date_part('epoch', bucket_start), %(offset_starts)s::float8[]) AS period,
    sum(CASE r.grain_minutes WHEN 10080 THEN active_by_quarter ELSE placed(active_us, quarter_of_week(bucket_start), 16) END)::text AS active,
    sum(active_us) AS active_us
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT grain_minutes, bucket_start, active_us, active_by_quarter FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until) AND bucket_start > '-infinity' AND active_us > 0
    OFFSET 0
) AS r
GROUP BY 1

-- name: active_quarters_apart
SELECT width_bucket(date_part('epoch', bucket_start), %(offset_starts)s::float8[]) AS period, quarter_of_week(bucket_start) AS quarter,
    sum(active_us) AS active_us
FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT bucket_start, active_us FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until) AND bucket_start > '-infinity' AND active_us > 0
    OFFSET 0
) AS r
GROUP BY 1, 2

-- name: activity_of_rows
WITH chosen AS MATERIALIZED (
    SELECT * FROM sessions
    WHERE counted AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
), dropped AS (
    SELECT user_id, active_ranges FROM base_sessions
    WHERE %(machine)s::text IS NULL AND project_id = ANY (%(projects)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
), active AS (
    SELECT u.user_id, c.bucket_start, sum(microseconds(upper(c.piece) - lower(c.piece))) AS active_us
    FROM (
        SELECT user_id, range_agg(without_gap(active_ranges, idle_gap())) AS ranges
        FROM (SELECT user_id, active_ranges FROM chosen UNION ALL SELECT user_id, active_ranges FROM dropped) AS s
        GROUP BY user_id
    ) AS u
    CROSS JOIN cut_at_buckets(u.ranges, 15) AS c
    GROUP BY 1, 2
), activity_rollups AS MATERIALIZED (
    SELECT %(project_id)s::bigint AS project_id, k.user_id, 15::smallint AS grain_minutes, bucket_of(e.at, 15) AS bucket_start,
        sum(e.sessions) AS sessions, sum(e.wall_us) AS wall_us, sum(e.active_us) AS active_us, sum(e.user_messages) AS user_messages,
        sum(e.assistant_messages) AS assistant_messages, 0 AS files_modified, sum(e.lines_added) AS lines_added,
        sum(e.lines_removed) AS lines_removed, sum(e.tool_calls) AS tool_calls, sum(e.tool_errors) AS tool_errors,
        sum(e.input_tokens) AS input_tokens, sum(e.output_tokens) AS output_tokens, sum(e.cache_creation_tokens) AS cache_creation_tokens,
        sum(e.cache_read_tokens) AS cache_read_tokens, sum(e.api_calls) AS api_calls, sum(e.unpriced_calls) AS unpriced_calls,
        sum(e.cost_nano_usd) AS cost_nano_usd, sum(e.cache_priced_calls) AS cache_priced_calls, sum(e.uncached_nano_usd) AS uncached_nano_usd,
        sum(e.cache_saved_nano_usd) AS cache_saved_nano_usd
    FROM (
        SELECT user_id, bucket_start AS at, 0 AS sessions, 0 AS wall_us, active_us, 0 AS user_messages, 0 AS assistant_messages, 0 AS lines_added,
            0 AS lines_removed, 0 AS tool_calls, 0 AS tool_errors, 0 AS input_tokens, 0 AS output_tokens, 0 AS cache_creation_tokens,
            0 AS cache_read_tokens, 0 AS api_calls, 0 AS unpriced_calls, 0 AS cost_nano_usd, 0 AS cache_priced_calls, 0 AS uncached_nano_usd,
            0 AS cache_saved_nano_usd
        FROM active
        UNION ALL
        SELECT user_id, bucket_start, sessions, wall_us, 0, user_messages, assistant_messages, lines_added, lines_removed, tool_calls, tool_errors, input_tokens,
            output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls, uncached_nano_usd,
            cache_saved_nano_usd
        FROM session_quarters
        WHERE session_id = ANY (ARRAY(SELECT session_id FROM chosen))
            OR session_id = '' AND %(machine)s::text IS NULL AND project_id = ANY (%(projects)s)
                AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        UNION ALL
        SELECT user_id, bucket_start, sessions, wall_us, 0, user_messages, assistant_messages, lines_added, lines_removed, tool_calls, tool_errors,
            input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd, cache_priced_calls,
            uncached_nano_usd, cache_saved_nano_usd
        FROM base_activity_rollups
        WHERE %(machine)s::text IS NULL AND project_id = ANY (%(projects)s)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
    ) AS e
    CROSS JOIN LATERAL (VALUES (e.user_id), (-1::bigint)) AS k (user_id)
    GROUP BY 2, 4
)
