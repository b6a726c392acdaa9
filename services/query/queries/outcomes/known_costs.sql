-- The costs of some sessions by source, and evidence of why these differ.

-- name: sessions
-- `own_nano_usd` is what Claude Code wrote, without what another session counts already.
SELECT s.session_id, s.title, s.api_calls, s.cost_nano_usd, c.own_nano_usd, c.taken_off_session_id
FROM sessions AS s LEFT JOIN session_client_costs AS c USING (session_id)
WHERE s.session_id = ANY (%(session_ids)s::text[])

-- name: calls
-- By model. `is_copied`: the file of this session has the call, and it counts for
-- another session.
SELECT a.session_id, false AS is_copied, a.model, count(*) AS api_calls, count(*) FILTER (WHERE a.cost_nano_usd IS NULL) AS unpriced_calls,
    count(*) FILTER (WHERE a.is_fast AND a.cost_nano_usd IS NULL) AS fast_calls,
    sum(a.input_tokens)::bigint AS input_tokens, sum(a.output_tokens)::bigint AS output_tokens,
    sum(a.cache_write_5m_tokens + a.cache_write_1h_tokens)::bigint AS cache_creation_tokens, sum(a.cache_read_tokens)::bigint AS cache_read_tokens,
    coalesce(sum(a.cost_nano_usd), 0)::bigint AS cost_nano_usd
FROM api_calls AS a WHERE a.session_id = ANY (%(session_ids)s::text[]) GROUP BY a.session_id, a.model
UNION ALL
SELECT c.session_id, true, a.model, count(*), count(*) FILTER (WHERE a.cost_nano_usd IS NULL),
    count(*) FILTER (WHERE a.is_fast AND a.cost_nano_usd IS NULL),
    sum(a.input_tokens)::bigint, sum(a.output_tokens)::bigint, sum(a.cache_write_5m_tokens + a.cache_write_1h_tokens)::bigint, sum(a.cache_read_tokens)::bigint,
    coalesce(sum(a.cost_nano_usd), 0)::bigint
FROM (SELECT DISTINCT row_id, session_id FROM contested_rows WHERE session_id = ANY (%(session_ids)s::text[])) AS c
JOIN api_calls AS a ON a.id = c.row_id AND a.session_id <> c.session_id
GROUP BY c.session_id, a.model

-- name: client_costs
-- The cost-state with the greatest total, and what claude.json says.
SELECT DISTINCT ON (session_id, source) session_id, source, numbers, client_costs
FROM session_facts
WHERE session_id = ANY (%(session_ids)s::text[]) AND (client_costs IS NOT NULL OR source = 'claude.json' AND numbers ? 'cost_nano_usd')
ORDER BY session_id, source, (client_costs->>'cost_nano_usd')::bigint DESC NULLS LAST, (numbers->>'cost_nano_usd')::bigint DESC, id

-- name: telemetry
-- Claude Code's telemetry of each request. Signals that another user's key brought are hidden, as files are.
SELECT g.attributes ->> 'model' AS model, count(*) AS api_calls,
    coalesce(sum((g.attributes ->> 'input_tokens')::bigint), 0)::bigint AS input_tokens,
    coalesce(sum((g.attributes ->> 'output_tokens')::bigint), 0)::bigint AS output_tokens,
    coalesce(sum((g.attributes ->> 'cache_creation_tokens')::bigint), 0)::bigint AS cache_creation_tokens,
    coalesce(sum((g.attributes ->> 'cache_read_tokens')::bigint), 0)::bigint AS cache_read_tokens,
    coalesce(round(sum((g.attributes ->> 'cost_usd')::numeric) * 1e9), 0)::bigint AS cost_nano_usd
FROM signals AS g LEFT JOIN sessions AS s USING (session_id)
WHERE g.session_id = %(session_id)s AND g.name = 'api_request' AND is_file_of(g.bound_user, s.user_id)
GROUP BY g.attributes ->> 'model'

-- name: status_line
SELECT round(total_cost_usd * 1e9)::bigint AS cost_nano_usd FROM status_lines
WHERE session_id = %(session_id)s AND total_cost_usd IS NOT NULL

-- name: evidence
-- Evidence in each session of calls that are in no transcript.
SELECT s.session_id,
    (SELECT count(*) FROM timeline_entries AS e WHERE e.session_id = s.session_id AND e.kind = 'compaction') AS compactions,
    (SELECT count(*) FROM timeline_entries AS e WHERE e.session_id = s.session_id AND e.kind = 'interruption') AS interruptions,
    (SELECT count(DISTINCT t.started_agent) FROM tool_calls AS t
     WHERE t.session_id = s.session_id AND t.started_agent IS NOT NULL
        AND NOT EXISTS (SELECT FROM api_calls AS a WHERE a.session_id = t.session_id AND a.agent_id = t.started_agent)) AS missing_subagents,
    (SELECT count(*) FROM session_machines AS m WHERE m.session_id = s.session_id) AS machines
FROM sessions AS s WHERE s.session_id = ANY (%(session_ids)s::text[])
