-- Sums of tokens and cost. Keys are listed first (p, u), so that each is one descent in the primary key.
-- key: what a row of the answer is. A cell whose rows were all taken off again has only zeros, and is left out.

-- name: of_range
-- By project or user, or everything as key 0. Models are not told apart in activity_rollups.
SELECT CASE %(key)s::text WHEN 'project' THEN r.project_id WHEN 'user' THEN r.user_id ELSE 0 END AS key,
    least(sum(r.input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(r.output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(r.cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(r.cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(r.api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(r.unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(r.cost_nano_usd)::float8 AS cost_nano_usd
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
CROSS JOIN unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[]) AS g (grain_minutes, start, until)
CROSS JOIN LATERAL (
    SELECT * FROM activity_rollups
    WHERE project_id = p.id AND user_id = u.id AND grain_minutes = g.grain_minutes
        AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
    OFFSET 0
) AS r
GROUP BY 1
HAVING (sum(r.input_tokens), sum(r.output_tokens), sum(r.cache_creation_tokens), sum(r.cache_read_tokens), sum(r.api_calls), sum(r.unpriced_calls),
    sum(r.cost_nano_usd)) <> (0, 0, 0, 0, 0, 0, 0)

-- name: of_days
-- By number of the interval: whole UTC days, and corrections around the edges (usage.DayEdges), each added to one interval and taken off another.
SELECT key,
    least(sum(input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(cost_nano_usd)::float8 AS cost_nano_usd
FROM (
    SELECT width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1, r.input_tokens, r.output_tokens, r.cache_creation_tokens,
        r.cache_read_tokens, r.api_calls, r.unpriced_calls, r.cost_nano_usd
    FROM activity_rollups AS r
    WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = 1440
        AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
    UNION ALL
    SELECT k.i, k.sign * r.input_tokens, k.sign * r.output_tokens, k.sign * r.cache_creation_tokens,
        k.sign * r.cache_read_tokens, k.sign * r.api_calls, k.sign * r.unpriced_calls, k.sign * r.cost_nano_usd
    FROM unnest(%(grains)s::smallint[], %(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[])
        AS g (grain_minutes, start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT * FROM activity_rollups
        WHERE project_id = %(project_id)s AND user_id = %(user_id)s AND grain_minutes = g.grain_minutes
            AND bucket_start >= to_timestamp(g.start) AND bucket_start < to_timestamp(g.until)
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (g."right", 1), (g.wrong, -1)) AS k (i, sign)
    WHERE k.i >= 0
) AS source (key, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd)
GROUP BY key
HAVING (sum(input_tokens), sum(output_tokens), sum(cache_creation_tokens), sum(cache_read_tokens), sum(api_calls), sum(unpriced_calls),
    sum(cost_nano_usd)) <> (0, 0, 0, 0, 0, 0, 0)

-- name: by_model
-- By model, or of one model by interval, project or user: `model` is the key, or `number` is. Days from usage_rollups, corrections from the rows.
-- A session of which only a claude.json is known has tokens of its own, at its date.
SELECT model, number,
    least(sum(input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(cache_creation_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens,
    least(sum(api_calls), 9007199254740991)::bigint AS api_calls,
    least(sum(unpriced_calls), 9007199254740991)::bigint AS unpriced_calls,
    sum(cost_nano_usd)::float8 AS cost_nano_usd
FROM (
    SELECT CASE WHEN %(key)s::text = 'model' THEN r.model END,
        CASE %(key)s::text WHEN 'day' THEN width_bucket(date_part('epoch', r.bucket_start), %(edges)s::float8[]) - 1
            WHEN 'project' THEN r.project_id WHEN 'user' THEN r.user_id END,
        r.input_tokens, r.output_tokens, r.cache_creation_tokens, r.cache_read_tokens, r.api_calls, r.unpriced_calls, r.cost_nano_usd
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
    CROSS JOIN LATERAL (
        SELECT * FROM usage_rollups
        WHERE project_id = p.id AND user_id = u.id AND grain_minutes = %(grain)s
            AND bucket_start >= to_timestamp(%(first)s) AND bucket_start < to_timestamp(%(until)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        OFFSET 0
    ) AS r
    UNION ALL
    SELECT CASE WHEN %(key)s::text = 'model' THEN r.model END,
        CASE %(key)s::text WHEN 'day' THEN k.i WHEN 'project' THEN r.project_id WHEN 'user' THEN r.user_id END,
        k.sign * r.input_tokens, k.sign * r.output_tokens, k.sign * r.cache_creation_tokens, k.sign * r.cache_read_tokens,
        k.sign * r.api_calls, k.sign * r.unpriced_calls, k.sign * r.cost_nano_usd
    FROM unnest(%(starts)s::float8[], %(ends)s::float8[], %(rights)s::int[], %(wrongs)s::int[]) AS g (start, until, "right", wrong)
    CROSS JOIN LATERAL (
        SELECT project_id, user_id, coalesce(model, '') AS model, input_tokens, output_tokens,
            cache_write_5m_tokens + cache_write_1h_tokens AS cache_creation_tokens, cache_read_tokens,
            1 AS api_calls, (cost_nano_usd IS NULL)::int AS unpriced_calls, coalesce(cost_nano_usd, 0) AS cost_nano_usd
        FROM api_calls
        WHERE occurred_at >= to_timestamp(g.start) AND occurred_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        UNION ALL
        SELECT project_id, user_id, coalesce(model, ''), input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens,
            0, 0, coalesce(cost_nano_usd, 0)
        FROM sessions
        WHERE counted AND usage_from_snapshot AND dated_at >= to_timestamp(g.start) AND dated_at < to_timestamp(g.until)
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(model)s::text IS NULL OR model = %(model)s)
        OFFSET 0
    ) AS r
    CROSS JOIN LATERAL (VALUES (g."right", 1), (g.wrong, -1)) AS k (i, sign)
    WHERE k.i >= 0
) AS source (model, number, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, api_calls, unpriced_calls, cost_nano_usd)
GROUP BY model, number
HAVING (sum(input_tokens), sum(output_tokens), sum(cache_creation_tokens), sum(cache_read_tokens), sum(api_calls), sum(unpriced_calls),
    sum(cost_nano_usd)) <> (0, 0, 0, 0, 0, 0, 0)

-- name: project_names
SELECT id, name FROM projects WHERE id = ANY (%(ids)s::bigint[])

-- name: user_names
SELECT id, name FROM users WHERE id = ANY (%(ids)s::bigint[])

-- name: price_versions
-- One descent in the index for each version, not a walk over all calls.
WITH RECURSIVE versions (version) AS (
    SELECT min(price_version) FROM api_calls WHERE price_version IS NOT NULL
    UNION ALL
    SELECT (SELECT min(price_version) FROM api_calls WHERE price_version > version) FROM versions WHERE version IS NOT NULL
)
SELECT version FROM versions WHERE version IS NOT NULL ORDER BY version
