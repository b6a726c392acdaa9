-- name: prices
SELECT p.id, p.source, p.version, p.model, p.tier, p.valid_from, p.above_input_tokens, p.input_usd::float8 AS input, p.output_usd::float8 AS output,
    p.cache_write_5m_usd::float8 AS cache_write_5m, p.cache_write_1h_usd::float8 AS cache_write_1h, p.cache_read_usd::float8 AS cache_read,
    p.web_search_usd::float8 AS web_search, p.changed_at,
    p.source = 'list' AND EXISTS (
        SELECT FROM prices AS o
        WHERE o.source <> 'list' AND o.tier = p.tier AND o.above_input_tokens <= p.above_input_tokens
          AND (o.valid_from IS NULL OR o.valid_from <= (now() AT TIME ZONE 'UTC')::date)
          AND p.model LIKE replace(replace(o.model, '_', '\_'), '*', '%%')) AS is_overridden
FROM prices AS p
ORDER BY p.source = 'list', p.model COLLATE "C", p.tier DESC, p.valid_from DESC NULLS LAST, p.above_input_tokens, p.source

-- name: reprices
SELECT r.id AS reprice_id, r.status, r.is_dry_run AS dry_run, r.from_at, r.to_at, r.options ->> 'model' AS model, m.calls, m.changed_calls, m.old_usd, m.new_usd, m.models,
    r.failure, r.created_at, r.started_at, r.finished_at
FROM jobs AS r
CROSS JOIN LATERAL (
    SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(changed_calls), 0)::bigint AS changed_calls,
        coalesce(sum(old_nano_usd), 0)::float8 / 1e9 AS old_usd, coalesce(sum(new_nano_usd), 0)::float8 / 1e9 AS new_usd,
        coalesce(jsonb_agg(jsonb_build_object(
            'model', nullif(model, ''), 'calls', calls, 'changed_calls', changed_calls, 'changed_sessions', changed_sessions,
            'old_usd', old_nano_usd::float8 / 1e9, 'new_usd', new_nano_usd::float8 / 1e9, 'newly_priced', newly_priced,
            'no_longer_priced', no_longer_priced, 'unpriced_calls', unpriced_calls,
            'dropped_calls', dropped_calls, 'dropped_usd', dropped_nano_usd::float8 / 1e9
        ) ORDER BY abs(new_nano_usd - old_nano_usd) DESC, changed_calls DESC, model), '[]') AS models
    FROM jsonb_each(coalesce(r.counts -> 'by_model', '{}')) AS each (model, numbers), jsonb_to_record(numbers) AS counts (calls bigint, changed_calls bigint,
        changed_sessions bigint, old_nano_usd numeric, new_nano_usd numeric, newly_priced bigint, no_longer_priced bigint, unpriced_calls bigint,
        dropped_calls bigint, dropped_nano_usd numeric)
) AS m
WHERE r.kind = 'reprice' AND (%(id)s::uuid IS NULL OR r.id = %(id)s)
  AND (%(after_created_at)s::timestamptz IS NULL OR (r.created_at, r.id) < (%(after_created_at)s::timestamptz, %(after_id)s::uuid))
ORDER BY r.created_at DESC, r.id DESC
LIMIT %(fetch)s
