-- Blocks of five hours of usage. `hours`: full hours since 1970. `grain` is that of the cells: hours, or quarters where rows are counted (activity_of_rows in
-- stats.sql stands before the statement then). A session of which only a claude.json tells is at its date, as in usage.sql.

-- name: hours
-- The hours of the newest `most` cells with usage. A cell whose rows were all taken off again has only zeros.
SELECT coalesce(array_agg(floor(date_part('epoch', bucket_start) / 3600)::int), '{}') AS hours
FROM (
    SELECT bucket_start
    FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = %(grain)s
        AND bucket_start > '-infinity' AND bucket_start < to_timestamp(%(until)s)
        AND (api_calls, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd) <> (0, 0, 0, 0, 0, 0)
    ORDER BY bucket_start DESC
    LIMIT %(most)s
) AS h

-- name: hours_of_model
-- Those of the newest `most` calls of one model, from the rows: no aggregate has models by hour. Sessions without calls count if they are as new.
WITH calls AS MATERIALIZED (
    SELECT occurred_at AS at
    FROM api_calls
    WHERE occurred_at > '-infinity' AND occurred_at < to_timestamp(%(until)s) AND model = %(model)s
        AND {of_selection}
    ORDER BY occurred_at DESC
    LIMIT %(most)s
)
SELECT coalesce(array_agg(floor(date_part('epoch', at) / 3600)::int), '{}') AS hours
FROM (
    SELECT at FROM calls
    UNION ALL
    SELECT dated_at
    FROM sessions
    WHERE counted AND usage_from_snapshot AND dated_at > '-infinity' AND dated_at < to_timestamp(%(until)s) AND model = %(model)s
        AND dated_at >= (SELECT CASE WHEN count(*) < %(most)s THEN '-infinity' ELSE min(at) END FROM calls)
        AND {of_selection}
) AS h

-- name: sums
-- The sums of the blocks that begin with these hours.
SELECT b.hour, sum(r.active_us)::float8 AS active_us,
    least(sum(r.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(r.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(r.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(r.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(r.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(r.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(r.cost_nano_usd)::float8 AS cost_nano_usd
FROM unnest(%(hours)s::int[]) AS b (hour)
CROSS JOIN LATERAL (
    SELECT * FROM activity_rollups
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = %(grain)s
        AND bucket_start >= to_timestamp(b.hour * 3600.0) AND bucket_start < to_timestamp((b.hour + 5) * 3600.0)
    OFFSET 0
) AS r
GROUP BY b.hour

-- name: calls
-- The same from the rows that are still stored, with what no sum knows: the last call, the sessions and the models; and how many calls retention has dropped.
SELECT b.hour, max(r.at) AS last_at, count(DISTINCT r.session_id) AS sessions, sum(r.dropped_calls)::bigint AS dropped_calls,
    coalesce(array_agg(DISTINCT r.model ORDER BY r.model) FILTER (WHERE r.model IS NOT NULL), '{}') AS models,
    least(sum(r.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(r.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(r.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(r.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(r.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(r.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(r.cost_nano_usd)::float8 AS cost_nano_usd
FROM unnest(%(hours)s::int[]) AS b (hour)
CROSS JOIN LATERAL (
    SELECT session_id, model, occurred_at AS at, input_tokens, output_tokens, cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens,
        cache_read_tokens, 1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd, 0 AS dropped_calls
    FROM api_calls
    WHERE occurred_at >= to_timestamp(b.hour * 3600.0) AND occurred_at < to_timestamp((b.hour + 5) * 3600.0)
        AND {of_selection}
        AND (%(model)s::text IS NULL OR model = %(model)s)
    UNION ALL
    SELECT session_id, model, dated_at, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, 0, 0, coalesce(cost_nano_usd, 0), 0
    FROM sessions
    WHERE counted AND usage_from_snapshot AND dated_at >= to_timestamp(b.hour * 3600.0) AND dated_at < to_timestamp((b.hour + 5) * 3600.0)
        AND {of_selection}
        AND (%(model)s::text IS NULL OR model = %(model)s)
    UNION ALL
    SELECT NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, api_calls
    FROM base_activity_rollups
    WHERE bucket_start >= to_timestamp(b.hour * 3600.0) AND bucket_start < to_timestamp((b.hour + 5) * 3600.0)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS r
GROUP BY b.hour
