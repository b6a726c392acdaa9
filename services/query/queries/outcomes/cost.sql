-- Why a session cost what it cost: what its API calls paid for.

-- name: costs
-- By model, by thread, and of all together: `of` tells which.
SELECT (ARRAY['all', 'model', 'thread'])[CASE WHEN grouping(c.model) = 0 THEN 2 WHEN grouping(c.agent_id) = 0 THEN 3 ELSE 1 END] AS of, c.model, c.agent_id,
    count(*) AS api_calls, count(*) FILTER (WHERE c.cost_nano_usd IS NULL) AS unpriced_calls,
    sum(c.cost_nano_usd)::float8 / 1e9 AS cost_usd,
    coalesce(sum(c.input_nano_usd), 0)::float8 / 1e9 AS input_usd,
    coalesce(sum(c.cache_write_nano_usd), 0)::float8 / 1e9 AS cache_write_usd,
    coalesce(sum(c.cache_read_nano_usd), 0)::float8 / 1e9 AS cache_read_usd,
    coalesce(sum(c.output_nano_usd), 0)::float8 / 1e9 AS output_usd,
    coalesce(sum(c.cost_nano_usd) FILTER (WHERE c.output_nano_usd IS NULL), 0)::float8 / 1e9 AS unknown_usd,
    coalesce(max(c.context_tokens) FILTER (WHERE c.agent_id IS NULL AND NOT c.is_advisor), 0) AS most_context_tokens
FROM api_call_costs AS c
WHERE c.session_id = %(session_id)s
GROUP BY GROUPING SETS ((c.model), (c.agent_id), ())
ORDER BY cost_usd DESC NULLS LAST, c.model, c.agent_id

-- name: subagent_prompts
-- The first message to each subagent.
SELECT DISTINCT ON (agent_id) agent_id, left(content, %(characters)s) AS prompt
FROM messages WHERE session_id = %(session_id)s AND agent_id = ANY (%(agents)s::text[]) AND role = 'user'
ORDER BY agent_id, occurred_at, id

-- name: turn_costs
-- Costs of a page of turns. `place`, from 1: how many of the ascending `times` are not later. Calls before the first are of its turn. The context is that of the last call of the session's own thread.
SELECT greatest(width_bucket(c.occurred_at, %(times)s::timestamptz[]), 1) AS place,
    count(c.cost_nano_usd) AS priced_calls,
    coalesce(sum(c.input_nano_usd), 0)::float8 / 1e9 AS input_usd,
    coalesce(sum(c.cache_write_nano_usd), 0)::float8 / 1e9 AS cache_write_usd,
    coalesce(sum(c.cache_read_nano_usd), 0)::float8 / 1e9 AS cache_read_usd,
    coalesce(sum(c.output_nano_usd), 0)::float8 / 1e9 AS output_usd,
    coalesce(sum(c.cost_nano_usd) FILTER (WHERE c.output_nano_usd IS NULL), 0)::float8 / 1e9 AS unknown_usd,
    (array_agg(c.context_tokens ORDER BY c.occurred_at DESC, c.id DESC) FILTER (WHERE c.agent_id IS NULL AND NOT c.is_advisor))[1] AS context_tokens
FROM api_call_costs AS c
WHERE c.session_id = %(session_id)s AND c.occurred_at >= %(since)s AND c.occurred_at < %(until)s
GROUP BY 1

-- name: rebuilds
SELECT r.timestamp, r.agent_id,
    width_bucket(r.timestamp, ARRAY(SELECT a.occurred_at FROM asks AS a WHERE a.session_id = r.session_id ORDER BY 1)) AS turn,
    r.rewritten_tokens, r.cost_usd, r.cause, r.pause_seconds, r.cache_seconds
FROM (
    {rebuilds}
) AS r
ORDER BY r.timestamp, r.agent_id NULLS FIRST

-- name: client_cache
-- The prompt cache by Claude Code's newest status line of the session.
SELECT s.read_at, c.warm, c.caching_observed, c.ttl, to_timestamp(c.expires_at) AS expires_at, c.requests, c.misses, c.expected_rebuilds, c.hit_ratio,
    c.cache_write_tokens, c.miss_recache_tokens, to_timestamp(c.last_miss_at) AS last_miss_at,
    ARRAY(SELECT jsonb_array_elements_text(s.prompt_cache #> '{last_miss_cause,causes}')) AS last_miss_causes, c.recache_tokens_if_cold
FROM status_lines AS s
CROSS JOIN jsonb_to_record(s.prompt_cache) AS c (warm boolean, caching_observed boolean, ttl text, expires_at float8, requests bigint, misses bigint,
    expected_rebuilds bigint, hit_ratio float8, cache_write_tokens bigint, miss_recache_tokens bigint, last_miss_at float8, recache_tokens_if_cold bigint)
WHERE s.session_id = %(session_id)s AND s.prompt_cache IS NOT NULL
