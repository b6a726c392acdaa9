-- Failed calls by class. grains, starts, ends and fine_…: the segments of the range, as in stats.sql. The class of a call that was stored before there
-- were classes is ''.

-- name: classes
SELECT r.tool_name, r.error_class, sum(r.calls)::bigint AS calls
FROM (
    SELECT r.tool_name, r.error_class, r.calls
    FROM {segments}
    CROSS JOIN LATERAL (
        SELECT * FROM error_rollups
        WHERE {of_cells}
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT r.tool_name, coalesce(r.error_class, ''), 1
    FROM {fine_segments}
    CROSS JOIN LATERAL (
        SELECT tool_name, error_class FROM tool_calls
        WHERE status IN ('error', 'timeout', 'rejected', 'cancelled') AND {calls_in_segment}
        OFFSET 0
    ) AS r
) AS r (tool_name, error_class, calls)
GROUP BY 1, 2
HAVING sum(r.calls) > 0
ORDER BY calls DESC, r.error_class, r.tool_name

-- name: classes_over_time
-- By number of the interval. bounds: where the intervals begin, and the end of the last one. The buckets of grains, starts, ends lie in the interval between
-- the edges around them. Calls of fine_… are counted in the interval that they are in, and taken off `wrong`, the one that their day was counted in.
SELECT e.i, e.error_class, sum(e.calls)::bigint AS calls
FROM (
    SELECT width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1 AS i, r.error_class, r.calls
    FROM {segments}
    CROSS JOIN LATERAL (
        SELECT bucket_start, error_class, calls FROM error_rollups
        WHERE {of_cells}
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT k.i, r.error_class, k.sign
    FROM unnest(%(fine_starts)s::float8[], %(fine_ends)s::float8[], %(wrongs)s::int[]) AS g (start, until, wrong)
    CROSS JOIN LATERAL (
        SELECT coalesce(error_class, '') AS error_class, occurred_at FROM tool_calls
        WHERE status IN ('error', 'timeout', 'rejected', 'cancelled') AND {calls_in_segment}
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (
        VALUES (width_bucket(date_part('epoch', r.occurred_at), %(bounds)s::float8[]) - 1, 1), (g.wrong, -1)
    ) AS k (i, sign)
) AS e
WHERE e.i >= 0 AND e.i < cardinality(%(bounds)s::float8[]) - 1
GROUP BY 1, 2
HAVING sum(e.calls) > 0

-- name: stored_classes
SELECT DISTINCT error_class FROM error_rollups
WHERE project_id = ANY (coalesce(nullif(bound_projects(), '{}'), '{-1}')) AND user_id = ANY (coalesce(bound_users(), '{-1}')) AND grain_minutes = 0

-- name: newest_days
-- By class, the newest UTC days in which it occurred.
SELECT c.error_class, date_part('epoch', d.bucket_start) AS start
FROM unnest(%(classes)s::text[]) AS c (error_class)
CROSS JOIN LATERAL (
    SELECT DISTINCT bucket_start FROM error_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 1440
        AND bucket_start > to_timestamp(%(start)s) - interval '1 day' AND bucket_start < to_timestamp(%(end)s)
        AND error_class = c.error_class AND calls > 0
        AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    ORDER BY bucket_start DESC
    LIMIT %(days)s
) AS d

-- name: newest_calls
-- By class, the newest calls of these spans of time, with the beginnings of their texts.
SELECT w.error_class, t.id, t.session_id, nullif(t.project_id, 0) AS project_id, t.tool_name, t.status AS result_status,
    nullif(t.occurred_at, '-infinity') AS timestamp, t.input, t.error
FROM unnest(%(classes)s::text[], %(window_starts)s::float8[], %(window_ends)s::float8[]) AS w (error_class, start, until)
CROSS JOIN LATERAL (
    SELECT id, session_id, project_id, tool_name, status, occurred_at, left(result, 500) AS error,
        left(coalesce(parameters->>'command', parameters->>'file_path', parameters->>'path', parameters->>'pattern', parameters->>'url',
            parameters->>'prompt', parameters::text), 300) AS input
    FROM tool_calls
    WHERE status IN ('error', 'timeout', 'rejected', 'cancelled') AND occurred_at >= to_timestamp(w.start) AND occurred_at < to_timestamp(w.until)
        AND coalesce(error_class, '') = w.error_class
        AND {of_selection}
            AND (%(tool_name)s::text IS NULL OR tool_name = %(tool_name)s)
    ORDER BY occurred_at DESC, id DESC
    LIMIT %(most)s
) AS t
ORDER BY timestamp DESC NULLS LAST, t.id DESC
