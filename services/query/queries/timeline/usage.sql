-- Tokens and cost of a session's API calls.

-- name: usage_by_time
-- By thread, and by how many of the ascending `times` are not later than the call. `since` and `until`: only of later calls, and up to then.
SELECT agent_id, width_bucket(occurred_at, %(times)s::timestamptz[]) AS place, count(*) AS api_calls,
    count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls,
    sum(cost_nano_usd)::float8 AS cost_nano_usd,
    least(sum(input_tokens), 9007199254740991)::bigint AS input_tokens,
    least(sum(output_tokens), 9007199254740991)::bigint AS output_tokens,
    least(sum(cache_write_5m_tokens) + sum(cache_write_1h_tokens), 9007199254740991)::bigint AS cache_creation_tokens,
    least(sum(cache_read_tokens), 9007199254740991)::bigint AS cache_read_tokens
FROM api_calls
WHERE session_id = %(session_id)s AND (%(since)s::timestamptz IS NULL OR occurred_at > %(since)s)
    AND (%(until)s::timestamptz IS NULL OR occurred_at <= %(until)s)
GROUP BY 1, 2
