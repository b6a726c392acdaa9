-- name: wanted
(%(from_at)s::timestamptz IS NULL OR $at >= %(from_at)s) AND (%(to_at)s::timestamptz IS NULL OR $at < %(to_at)s)
AND (%(model)s::text IS NULL OR $model LIKE %(model)s)

-- name: next
SELECT id, session_id, occurred_at::text AS at
FROM api_calls
WHERE (session_id, occurred_at, id) > (%(session_id)s, %(at)s::timestamptz, %(id)s::uuid) AND $wanted
ORDER BY session_id, occurred_at, id LIMIT %(limit)s

-- name: next_without_session
SELECT id, session_id, occurred_at::text AS at
FROM api_calls
WHERE session_id IS NULL AND (occurred_at, id) > (%(at)s::timestamptz, %(id)s::uuid) AND $wanted
ORDER BY occurred_at, id LIMIT %(limit)s

-- name: calls
-- Behind the locks of their sessions: a call may have become another version, or another session's, in between.
SELECT id, session_id, model, CASE WHEN isfinite(occurred_at) THEN occurred_at END AS occurred_at, is_fast, inference_geo,
       input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, web_searches,
       cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd, cache_write_nano_usd, price_version
FROM api_calls
WHERE id = ANY(%(ids)s) AND (session_id IS NULL OR session_id = ANY(%(session_ids)s))
ORDER BY id

-- name: reprice
-- Writes the new costs of the calls, with their sessions. Gives the number of calls.
WITH repriced AS (
    UPDATE api_calls AS t SET cost_nano_usd = s.cost, uncached_nano_usd = s.uncached, cache_saved_nano_usd = s.saved,
        cache_write_nano_usd = s.written, price_version = s.version
    FROM unnest(%(ids)s::uuid[], %(costs)s::bigint[], %(uncached)s::bigint[], %(saved)s::bigint[], %(written)s::bigint[], %(versions)s::text[])
        AS s (id, cost, uncached, saved, written, version)
    WHERE t.id = s.id
    RETURNING old AS before, new AS after
),
added AS (
    UPDATE sessions AS s SET
        unpriced_calls = s.unpriced_calls + d.unpriced,
        -- A snapshot's cost is what Claude Code counted.
        cost_nano_usd = CASE WHEN s.usage_from_snapshot THEN s.cost_nano_usd
                             WHEN s.api_calls > s.unpriced_calls + d.unpriced THEN coalesce(s.cost_nano_usd, 0) + d.cost END,
        cache_priced_calls = s.cache_priced_calls + d.cache_priced,
        uncached_nano_usd = s.uncached_nano_usd + d.uncached,
        cache_saved_nano_usd = s.cache_saved_nano_usd + d.saved
    FROM (
        SELECT (after).session_id,
            sum(((after).cost_nano_usd IS NULL)::int - ((before).cost_nano_usd IS NULL)::int)::bigint AS unpriced,
            sum(coalesce((after).cost_nano_usd, 0) - coalesce((before).cost_nano_usd, 0))::bigint AS cost,
            sum(((after).cache_saved_nano_usd IS NOT NULL)::int - ((before).cache_saved_nano_usd IS NOT NULL)::int)::bigint AS cache_priced,
            sum(coalesce((after).uncached_nano_usd, 0) - coalesce((before).uncached_nano_usd, 0))::bigint AS uncached,
            sum(coalesce((after).cache_saved_nano_usd, 0) - coalesce((before).cache_saved_nano_usd, 0))::bigint AS saved
        FROM repriced WHERE (after).session_id IS NOT NULL GROUP BY 1
    ) AS d WHERE s.session_id = d.session_id
)
SELECT count(*) FROM repriced

-- name: dropped
-- Calls of sessions that retention has dropped. The base has days, so a day counts that begins in the range.
SELECT coalesce(model, '') AS model, sum(api_calls)::bigint AS calls, sum(cost_nano_usd)::numeric AS nano_usd
FROM base_usage_rollups WHERE $wanted GROUP BY 1 HAVING sum(api_calls) > 0
