-- Tokens and cost of a session's API calls.

-- name: usage_by_time
-- By thread, and by how many of the ascending `times` are not later than the call. `since` and `until`: only of later calls, and up to then.
SELECT agent_id, width_bucket(occurred_at, %(times)s::timestamptz[]) AS place, count(*) AS api_calls,
    count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls, sum(cost_nano_usd) AS cost_nano_usd,
    sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
    sum(cache_write_5m_tokens) + sum(cache_write_1h_tokens) AS cache_creation_tokens, sum(cache_read_tokens) AS cache_read_tokens
FROM api_calls
WHERE session_id = %(session_id)s AND (%(since)s::timestamptz IS NULL OR occurred_at > %(since)s)
    AND (%(until)s::timestamptz IS NULL OR occurred_at <= %(until)s)
GROUP BY 1, 2
