-- name: write_dead_letter
-- A dead letter that is marked as stored stays so: its event is there, even if a repetition fails.
INSERT INTO dead_letters (event_id, kind, reason, sqlstate, payload, journal_entry_id, request_id, received_at, bound)
VALUES (%(event_id)s, %(kind)s, %(reason)s, %(sqlstate)s, %(payload)s, %(journal_entry_id)s, %(request_id)s, %(received_at)s, %(bound)s)
ON CONFLICT (journal_entry_id, event_id) DO UPDATE SET attempts = dead_letters.attempts + 1, last_seen_at = clock_timestamp(),
    reason = excluded.reason, sqlstate = excluded.sqlstate, payload = excluded.payload
WHERE dead_letters.stored_at IS NULL

-- name: mark_events_stored
-- The event may have come by a replay, from a client that sent it again, or with an import. But if its id was taken, only its own replay counts:
-- anything else with that id is the other event.
UPDATE dead_letters SET stored_at = clock_timestamp(), payload = ''
WHERE stored_at IS NULL AND event_id = ANY(%(event_ids)s) AND (reason <> %(id_taken)s
    OR (event_id, journal_entry_id) IN (SELECT * FROM unnest(%(own_event_ids)s::uuid[], %(own_entry_ids)s::text[])))

-- name: mark_entries_stored
UPDATE dead_letters SET stored_at = clock_timestamp(), payload = ''
WHERE stored_at IS NULL AND kind = %(kind)s AND event_id IS NULL AND journal_entry_id = ANY(%(journal_entry_ids)s)
