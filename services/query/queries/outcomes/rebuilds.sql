-- Rebuilds of the prompt cache, by one rule for a session, its turns, and advice.

-- name: rebuilds
-- Calls in [since, until) that could not read what their thread's call before had left in the prompt cache: a tenth of it, and 5,000 tokens at least.
-- A call reads a little less than is there even if nothing happened, since the cache ends at blocks. The window goes over the calls before `since`, too.
WITH calls AS (
    SELECT c.session_id, c.agent_id, c.model, c.occurred_at, c.context_tokens, c.cache_read_tokens, c.is_kept_for_an_hour,
        c.cache_write_tokens + c.input_tokens AS sent_tokens, c.cache_write_nano_usd + c.input_nano_usd AS sent_nano_usd,
        lag(c.model) OVER thread AS model_before, lag(c.occurred_at) OVER thread AS before,
        lag(c.cache_read_tokens + c.cache_write_tokens) OVER thread AS cached_tokens, lag(c.is_kept_for_an_hour) OVER thread AS was_kept_for_an_hour
    FROM api_call_costs AS c
    WHERE c.session_id = ANY (%(session_ids)s::text[]) AND c.occurred_at > '-infinity' AND c.occurred_at < %(until)s AND NOT c.is_advisor
    WINDOW thread AS (PARTITION BY c.session_id, c.agent_id ORDER BY c.occurred_at, c.id)
),
rebuilt AS (
    SELECT *, least(cached_tokens, context_tokens) - cache_read_tokens AS rewritten_tokens, extract(epoch FROM occurred_at - before)::float8 AS pause_seconds,
        CASE WHEN was_kept_for_an_hour OR is_kept_for_an_hour THEN 3600 ELSE 300 END AS cache_seconds
    FROM calls
    -- least() ignores NULL: a thread's first call has none before it.
    WHERE occurred_at >= %(since)s AND cached_tokens > 0 AND least(cached_tokens, context_tokens) - cache_read_tokens >= greatest(5000, cached_tokens / 10)
)
SELECT r.session_id, r.occurred_at AS timestamp, r.agent_id,
    r.rewritten_tokens, r.sent_nano_usd * least(1, r.rewritten_tokens::float8 / nullif(r.sent_tokens, 0)) / 1e9 AS cost_usd,
    CASE
        WHEN EXISTS (
            SELECT FROM timeline_entries AS e
            WHERE e.session_id = r.session_id AND e.occurred_at > r.before AND e.occurred_at <= r.occurred_at
                AND e.kind = 'compaction' AND e.agent_id IS NOT DISTINCT FROM r.agent_id) THEN 'compaction'
        WHEN r.model <> r.model_before THEN 'model'
        WHEN r.pause_seconds > r.cache_seconds THEN 'pause'
        WHEN r.cache_read_tokens = 0 THEN 'tools'
        ELSE 'messages'
    END AS cause,
    r.pause_seconds, r.cache_seconds
FROM rebuilt AS r
