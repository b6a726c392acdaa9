-- name: insert_hook
INSERT INTO hook_payloads (id, session_id, machine_id, user_name, bound_user, occurred_at, received_at, request_id, payload)
VALUES (%(id)s, %(session_id)s, %(machine_id)s, %(user)s, %(bound_user)s, %(occurred_at)s, %(received_at)s, %(request_id)s, %(payload)s)
ON CONFLICT (id) DO NOTHING

-- name: insert_signal
INSERT INTO signals (id, session_id, kind, name, occurred_at, tool_call_id, value, started_at, is_cumulative, attributes, user_name, bound_user,
                     received_at, request_id, is_new)
VALUES (%(id)s, %(session_id)s, %(kind)s, %(name)s, %(occurred_at)s, %(tool_call_id)s, %(value)s, %(started_at)s, %(is_cumulative)s, %(attributes)s,
        %(user)s, %(bound_user)s, %(received_at)s, %(request_id)s, %(is_new)s)
ON CONFLICT (id) DO NOTHING

-- name: note_machines
INSERT INTO session_machines (session_id, machine_id)
SELECT * FROM unnest(%(session_ids)s::text[], %(machine_ids)s::text[])
ON CONFLICT (session_id, machine_id) DO UPDATE SET brought_by = NULL WHERE session_machines.brought_by IS NOT NULL

-- name: heard_of_machines
-- At most once a minute for each machine. One that has not reported yet has its id for a name.
INSERT INTO machines AS m (machine_id, name, user_name, first_seen_at, last_heard_at)
SELECT heard.machine_id, heard.machine_id, heard.user_name, heard.at, heard.at
FROM unnest(%(machine_ids)s::text[], %(users)s::text[], %(times)s::timestamptz[]) AS heard (machine_id, user_name, at)
WHERE NOT EXISTS (
    SELECT FROM machines AS known WHERE known.machine_id = heard.machine_id AND known.last_heard_at > heard.at - interval '1 minute')
ON CONFLICT (machine_id) DO UPDATE
SET last_heard_at = greatest(m.last_heard_at, excluded.last_heard_at), user_name = coalesce(m.user_name, excluded.user_name), brought_by = NULL

-- name: files_of_others
-- Sessions without an owner of which another's file came first.
SELECT DISTINCT f.session_id FROM transcript_files AS f
WHERE f.session_id = ANY(%(session_ids)s) AND NOT is_same_person(f.user_name, %(user)s)
  AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = f.session_id AND s.user_id <> 0)

-- name: machines_of_others
SELECT machine_id FROM machines WHERE machine_id = ANY(%(machine_ids)s) AND NOT is_same_person(user_name, %(user)s)

-- name: insert_file
INSERT INTO transcript_files (session_id, file_name, machine_id, generation, user_name, bound_user)
SELECT %(session_id)s, %(file_name)s, %(machine_id)s, %(generation)s, %(user)s, %(bound_user)s
WHERE NOT EXISTS (SELECT FROM transcript_files WHERE session_id = %(session_id)s AND file_name = %(file_name)s
    AND machine_id = %(machine_id)s AND generation = %(generation)s)
ON CONFLICT DO NOTHING

-- name: lock_file
SELECT id, stored_offset, EXISTS (SELECT FROM transcript_ranges WHERE file_id = f.id AND start_offset > f.stored_offset) AS has_waiting
FROM transcript_files AS f
WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = %(machine_id)s AND generation = %(generation)s
FOR UPDATE

-- name: set_stored
-- A file that came with an export is live again when its machine goes on with it.
UPDATE transcript_files SET stored_offset = %(offset)s, changed_at = clock_timestamp(), user_name = coalesce(user_name, %(user)s),
    bound_user = coalesce(bound_user, %(bound_user)s), brought_by = NULL
WHERE id = %(file_id)s

-- name: insert_range
-- The longer of two ranges that wait at one place is kept.
INSERT INTO transcript_ranges AS r (file_id, start_offset, end_offset, content, raw_bytes, received_at, request_id)
VALUES (%(file_id)s, %(start)s, %(end)s, %(content)s, %(raw_bytes)s, %(received_at)s, %(request_id)s)
ON CONFLICT (file_id, start_offset) DO UPDATE SET end_offset = excluded.end_offset, content = excluded.content,
    raw_bytes = excluded.raw_bytes, received_at = excluded.received_at, request_id = excluded.request_id
WHERE excluded.end_offset > r.end_offset

-- name: next_waiting
-- Behind the range that begins at `start` and ends at `offset`, the last one that joined on.
SELECT start_offset, end_offset FROM transcript_ranges
WHERE file_id = %(file_id)s AND start_offset > %(start)s AND start_offset <= %(offset)s ORDER BY start_offset LIMIT 1

-- name: delete_range
DELETE FROM transcript_ranges WHERE file_id = %(file_id)s AND start_offset = %(start)s RETURNING content, received_at, request_id

-- name: stored_between
SELECT start_offset, end_offset, content FROM transcript_ranges
WHERE file_id = %(file_id)s AND start_offset >= %(start)s AND end_offset <= %(end)s ORDER BY start_offset
