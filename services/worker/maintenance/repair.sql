-- name: correct_rows
UPDATE $table SET
    $counts
    occurred_at = CASE WHEN $is_wrong THEN received_at ELSE occurred_at END
WHERE $is_wrong
   $is_too_large
RETURNING id, session_id

-- name: correct_facts
UPDATE session_facts SET
    $times,
    active_ranges = active_ranges * tstzmultirange(tstzrange(%(earliest)s, received_at + %(ahead)s)),
    numbers = nullif(
        $numbers, '{}')
WHERE $is_wrong
   OR NOT active_ranges <@ tstzmultirange(tstzrange(%(earliest)s, received_at + %(ahead)s))
   OR $is_too_large
RETURNING id, session_id

-- name: priced_calls
SELECT id, model, occurred_at, input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens, web_searches, is_fast, inference_geo
FROM api_calls WHERE id = ANY(%(ids)s) AND cost_nano_usd IS NOT NULL

-- name: update_price
UPDATE api_calls SET cost_nano_usd = %(nano_usd)s, uncached_nano_usd = %(uncached)s, cache_saved_nano_usd = %(saved)s, price_version = %(version)s
WHERE id = %(id)s
