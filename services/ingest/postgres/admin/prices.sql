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
