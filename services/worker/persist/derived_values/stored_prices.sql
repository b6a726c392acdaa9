-- name: version
SELECT version FROM price_state

-- name: own
SELECT source = 'file' AS is_of_file, model, tier, valid_from, above_input_tokens, version,
    input_usd, output_usd, cache_write_5m_usd, cache_write_1h_usd, cache_read_usd, web_search_usd
FROM prices WHERE source <> 'list'

-- name: delete_of_workers
DELETE FROM prices WHERE source <> 'api'

-- name: insert
INSERT INTO prices (source, model, tier, valid_from, above_input_tokens, version,
    input_usd, output_usd, cache_write_5m_usd, cache_write_1h_usd, cache_read_usd, web_search_usd)
VALUES (%(source)s, %(model)s, %(tier)s, %(valid_from)s, %(above_input_tokens)s, %(version)s,
    %(input_usd)s, %(output_usd)s, %(cache_write_5m_usd)s, %(cache_write_1h_usd)s, %(cache_read_usd)s, %(web_search_usd)s)

-- name: lock_state
-- One worker at a time writes them.
INSERT INTO price_state (only_row) VALUES (true) ON CONFLICT (only_row) DO UPDATE SET only_row = true

-- name: note_workers
UPDATE price_state SET of_workers = %(of_workers)s
