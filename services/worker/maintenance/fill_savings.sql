-- name: next
-- The first two conditions are the predicate of the index api_calls_without_saving.
SELECT id, session_id, occurred_at::text AS at, id::text AS place
FROM api_calls
WHERE cost_nano_usd IS NOT NULL AND cache_saved_nano_usd IS NULL AND (occurred_at, id) < (%(before)s::timestamptz, %(before_id)s::uuid)
ORDER BY occurred_at DESC, id DESC LIMIT %(limit)s

-- name: lock_calls
-- Behind the locks of their sessions: a call may have become another version, or another session's, in between.
SELECT id, model, CASE WHEN isfinite(occurred_at) THEN occurred_at END AS occurred_at, is_fast, inference_geo,
       input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, web_searches
FROM api_calls
WHERE id = ANY(%(ids)s) AND cost_nano_usd IS NOT NULL AND cache_saved_nano_usd IS NULL
  AND (session_id IS NULL OR session_id = ANY(%(session_ids)s))
ORDER BY id FOR UPDATE

-- name: fill
WITH filled AS (
    UPDATE api_calls AS t SET uncached_nano_usd = s.uncached, cache_saved_nano_usd = s.saved, cache_write_nano_usd = s.written
    FROM unnest(%(ids)s::uuid[], %(uncached)s::bigint[], %(saved)s::bigint[], %(written)s::bigint[]) AS s (id, uncached, saved, written)
    WHERE t.id = s.id
    RETURNING $returned
),
new_api_calls AS (
    SELECT $columns
    FROM filled
),
gone_api_calls AS (
    SELECT $before
    FROM filled
),
added AS (
    UPDATE sessions AS s SET
        cache_priced_calls = s.cache_priced_calls + d.calls,
        uncached_nano_usd = s.uncached_nano_usd + d.uncached,
        cache_saved_nano_usd = s.cache_saved_nano_usd + d.saved
    FROM (
        SELECT session_id, count(*) AS calls, sum(uncached_nano_usd)::bigint AS uncached, sum(cache_saved_nano_usd)::bigint AS saved
        FROM filled WHERE session_id IS NOT NULL GROUP BY session_id
    ) AS d WHERE s.session_id = d.session_id
),
$rollups
SELECT count(*) FROM filled
