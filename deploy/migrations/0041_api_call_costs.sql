-- What each API call cost, by what was paid for (docs/adr/0084-a-cost-has-parts.md).

-- A cost is stored as a whole, with what its input would have cost without a prompt cache and what the cache saved. These give the parts:
-- the price of plain input is what was saved from; writing to the cache costs 1.25 times that, or twice for an hour; output is what is no input;
-- and reading is the rest. All models of the price list have these factors but claude-3-haiku, whose writing costs 1.2 times.
-- The parts are NULL where the cost is, and where an older release stored the call and the worker has not gone over it yet.
CREATE VIEW api_call_costs WITH (security_invoker = true) AS
SELECT c.id, c.session_id, c.agent_id, c.model, c.occurred_at, used.context_tokens, used.cache_write_tokens, c.cache_read_tokens, c.input_tokens,
    c.cache_write_1h_tokens > 0 AS is_kept_for_an_hour, c.cost_nano_usd,
    part.input_nano_usd, part.cache_write_nano_usd,
    CASE WHEN c.cache_read_tokens = 0 THEN 0 ELSE c.uncached_nano_usd - c.cache_saved_nano_usd - part.input_nano_usd - part.cache_write_nano_usd END AS cache_read_nano_usd,
    c.cost_nano_usd - (c.uncached_nano_usd - c.cache_saved_nano_usd) AS output_nano_usd
FROM api_calls AS c
CROSS JOIN LATERAL (
    SELECT c.cache_write_5m_tokens + c.cache_write_1h_tokens AS cache_write_tokens,
        c.input_tokens + c.cache_write_5m_tokens + c.cache_write_1h_tokens + c.cache_read_tokens AS context_tokens
) AS used
CROSS JOIN LATERAL (
    SELECT coalesce(c.uncached_nano_usd::float8 / nullif(used.context_tokens, 0), CASE WHEN c.uncached_nano_usd = 0 THEN 0 END) AS nano_usd
) AS plain
CROSS JOIN LATERAL (
    SELECT c.input_tokens * plain.nano_usd AS input_nano_usd,
        (c.cache_write_5m_tokens * CASE WHEN c.model LIKE 'claude-3-haiku%' THEN 1.2 ELSE 1.25 END + c.cache_write_1h_tokens * 2) * plain.nano_usd AS cache_write_nano_usd
) AS part;
GRANT SELECT ON api_call_costs TO tracker_bound;
