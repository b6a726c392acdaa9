-- Composed by services.worker.maintenance.repair. Do not edit: `make render-sql` writes this file.

UPDATE messages SET
    occurred_at = CASE WHEN (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s)) THEN received_at ELSE occurred_at END
WHERE (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s))
RETURNING id, session_id;

UPDATE tool_calls SET
    duration_ms = CASE WHEN duration_ms > 604800000 THEN NULL ELSE duration_ms END,
    occurred_at = CASE WHEN (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s)) THEN received_at ELSE occurred_at END
WHERE (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s))
   OR duration_ms > 604800000
RETURNING id, session_id;

UPDATE session_events SET
    occurred_at = CASE WHEN (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s)) THEN received_at ELSE occurred_at END
WHERE (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s))
RETURNING id, session_id;

UPDATE activities SET
    lines_added = CASE WHEN lines_added > 10000000 THEN 0 ELSE lines_added END,
    lines_removed = CASE WHEN lines_removed > 10000000 THEN 0 ELSE lines_removed END,
    occurred_at = CASE WHEN (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s)) THEN received_at ELSE occurred_at END
WHERE (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s))
   OR lines_added > 10000000
   OR lines_removed > 10000000
RETURNING id, session_id;

UPDATE api_calls SET
    input_tokens = CASE WHEN input_tokens > 100000000 THEN 0 ELSE input_tokens END,
    output_tokens = CASE WHEN output_tokens > 100000000 THEN 0 ELSE output_tokens END,
    cache_write_5m_tokens = CASE WHEN cache_write_5m_tokens > 100000000 THEN 0 ELSE cache_write_5m_tokens END,
    cache_write_1h_tokens = CASE WHEN cache_write_1h_tokens > 100000000 THEN 0 ELSE cache_write_1h_tokens END,
    cache_read_tokens = CASE WHEN cache_read_tokens > 100000000 THEN 0 ELSE cache_read_tokens END,
    occurred_at = CASE WHEN (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s)) THEN received_at ELSE occurred_at END
WHERE (occurred_at > '-infinity' AND (occurred_at < %(earliest)s OR occurred_at > received_at + %(ahead)s))
   OR input_tokens > 100000000
   OR output_tokens > 100000000
   OR cache_write_5m_tokens > 100000000
   OR cache_write_1h_tokens > 100000000
   OR cache_read_tokens > 100000000
RETURNING id, session_id;

UPDATE session_facts SET
    first_record_at = CASE WHEN NOT (first_record_at > '-infinity' AND (first_record_at < %(earliest)s OR first_record_at > received_at + %(ahead)s)) THEN first_record_at END,
    last_record_at = CASE WHEN NOT (last_record_at > '-infinity' AND (last_record_at < %(earliest)s OR last_record_at > received_at + %(ahead)s)) THEN last_record_at END,
    ended_at = CASE WHEN NOT (ended_at > '-infinity' AND (ended_at < %(earliest)s OR ended_at > received_at + %(ahead)s)) THEN ended_at END,
    active_ranges = active_ranges * tstzmultirange(tstzrange(%(earliest)s, received_at + %(ahead)s)),
    numbers = nullif(
        CASE WHEN (numbers->>'wall_duration_ms')::numeric <= 315360000000 THEN jsonb_build_object('wall_duration_ms', numbers->'wall_duration_ms') ELSE '{}' END
        || CASE WHEN (numbers->>'api_duration_ms')::numeric <= 315360000000 THEN jsonb_build_object('api_duration_ms', numbers->'api_duration_ms') ELSE '{}' END
        || CASE WHEN (numbers->>'tool_duration_ms')::numeric <= 315360000000 THEN jsonb_build_object('tool_duration_ms', numbers->'tool_duration_ms') ELSE '{}' END
        || CASE WHEN (numbers->>'lines_added')::numeric <= 1000000000 THEN jsonb_build_object('lines_added', numbers->'lines_added') ELSE '{}' END
        || CASE WHEN (numbers->>'lines_removed')::numeric <= 1000000000 THEN jsonb_build_object('lines_removed', numbers->'lines_removed') ELSE '{}' END
        || CASE WHEN (numbers->>'input_tokens')::numeric <= 10000000000 THEN jsonb_build_object('input_tokens', numbers->'input_tokens') ELSE '{}' END
        || CASE WHEN (numbers->>'output_tokens')::numeric <= 10000000000 THEN jsonb_build_object('output_tokens', numbers->'output_tokens') ELSE '{}' END
        || CASE WHEN (numbers->>'cache_creation_tokens')::numeric <= 10000000000 THEN jsonb_build_object('cache_creation_tokens', numbers->'cache_creation_tokens') ELSE '{}' END
        || CASE WHEN (numbers->>'cache_read_tokens')::numeric <= 10000000000 THEN jsonb_build_object('cache_read_tokens', numbers->'cache_read_tokens') ELSE '{}' END
        || CASE WHEN (numbers->>'cost_nano_usd')::numeric <= 1000000000000000 THEN jsonb_build_object('cost_nano_usd', numbers->'cost_nano_usd') ELSE '{}' END
        || CASE WHEN (numbers->>'client_cost_nano_usd')::numeric <= 1000000000000000 THEN jsonb_build_object('client_cost_nano_usd', numbers->'client_cost_nano_usd') ELSE '{}' END
        || CASE WHEN (numbers->>'client_started_ms')::numeric <= 9007199254740991 THEN jsonb_build_object('client_started_ms', numbers->'client_started_ms') ELSE '{}' END, '{}')
WHERE (first_record_at > '-infinity' AND (first_record_at < %(earliest)s OR first_record_at > received_at + %(ahead)s))
OR (last_record_at > '-infinity' AND (last_record_at < %(earliest)s OR last_record_at > received_at + %(ahead)s))
OR (ended_at > '-infinity' AND (ended_at < %(earliest)s OR ended_at > received_at + %(ahead)s))
   OR NOT active_ranges <@ tstzmultirange(tstzrange(%(earliest)s, received_at + %(ahead)s))
   OR (numbers->>'wall_duration_ms')::numeric > 315360000000
   OR (numbers->>'api_duration_ms')::numeric > 315360000000
   OR (numbers->>'tool_duration_ms')::numeric > 315360000000
   OR (numbers->>'lines_added')::numeric > 1000000000
   OR (numbers->>'lines_removed')::numeric > 1000000000
   OR (numbers->>'input_tokens')::numeric > 10000000000
   OR (numbers->>'output_tokens')::numeric > 10000000000
   OR (numbers->>'cache_creation_tokens')::numeric > 10000000000
   OR (numbers->>'cache_read_tokens')::numeric > 10000000000
   OR (numbers->>'cost_nano_usd')::numeric > 1000000000000000
   OR (numbers->>'client_cost_nano_usd')::numeric > 1000000000000000
   OR (numbers->>'client_started_ms')::numeric > 9007199254740991
RETURNING id, session_id;
