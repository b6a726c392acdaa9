-- name: set_price
INSERT INTO prices AS p (source, model, tier, valid_from, above_input_tokens, version, key_id,
    input_usd, output_usd, cache_write_5m_usd, cache_write_1h_usd, cache_read_usd, web_search_usd)
VALUES ('api', %(model)s, %(tier)s, %(valid_from)s, %(above_input_tokens)s, %(version)s, %(key_id)s,
    %(input_usd)s, %(output_usd)s, %(cache_write_5m_usd)s, %(cache_write_1h_usd)s, %(cache_read_usd)s, %(web_search_usd)s)
ON CONFLICT (source, model, tier, valid_from, above_input_tokens) DO UPDATE SET input_usd = excluded.input_usd, output_usd = excluded.output_usd,
    cache_write_5m_usd = excluded.cache_write_5m_usd, cache_write_1h_usd = excluded.cache_write_1h_usd, cache_read_usd = excluded.cache_read_usd,
    web_search_usd = excluded.web_search_usd, key_id = excluded.key_id, changed_at = clock_timestamp()
RETURNING id, true AS done

-- name: unset_price
DELETE FROM prices WHERE id = %(id)s AND source = 'api' RETURNING model, true AS done

-- name: add_reprice
WITH added AS (
    INSERT INTO reprices (id, is_dry_run, from_at, to_at, model, request_id)
    VALUES (%(id)s, %(is_dry_run)s, %(from_at)s, %(to_at)s, %(model)s, %(request_id)s)
    ON CONFLICT DO NOTHING RETURNING id
)
SELECT CASE WHEN EXISTS (SELECT FROM added) THEN 'added' WHEN EXISTS (SELECT FROM reprices WHERE id = %(id)s) THEN 'there' ELSE 'busy' END AS outcome,
    EXISTS (SELECT FROM added) AS done
