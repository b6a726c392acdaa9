-- Statements of /api/status.

-- name: counts
SELECT coalesce(sum(persisted), 0)::bigint AS persisted, coalesce(sum(duplicates), 0)::bigint AS duplicates,
    coalesce(sum(dead), 0)::bigint AS dead, max(last_received_at) AS last_received_at
FROM ledger

-- name: outcomes
SELECT epoch, sum(persisted)::bigint AS persisted, sum(duplicates)::bigint AS duplicate, sum(dead)::bigint AS dead,
    sum(left_out)::bigint AS left_out
FROM accounts GROUP BY epoch

-- name: database
-- An ordinary role cannot see the kind of another role's connection, only whether it is one to a database.
SELECT pg_database_size(current_database()) AS bytes, (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS connections,
    current_setting('max_connections')::int AS max_connections

-- name: lag
-- A range begins where its file is read to, if it is the next one. Files that are set aside are counted apart. One that waits for an archive that is
-- away has no attempts, and is behind as others are.
SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(r.received_at) FROM transcript_files AS f
         JOIN transcript_ranges AS r ON r.file_id = f.id AND r.start_offset = f.parsed_offset
         WHERE f.parsed_offset < f.stored_offset AND f.brought_by IS NULL
             AND (f.read_again_at IS NULL OR f.read_attempts = 0)),
        (SELECT min(received_at) FROM hook_payloads),
        (SELECT min(received_at) FROM signals WHERE is_new))), 0)::float8 AS oldest_seconds,
    (SELECT count(*) FROM transcript_files AS f
     WHERE f.parsed_offset < f.stored_offset AND f.brought_by IS NULL AND f.read_again_at IS NOT NULL
         AND f.read_attempts > 0) AS set_aside

-- name: standing
-- One that waits for a worker is stuck, too.
SELECT kind, extract(epoch FROM clock_timestamp() - min(moved_at))::float8 AS seconds FROM ({unfinished}) AS unfinished
GROUP BY kind ORDER BY kind

-- name: silent
-- A laptop that nobody has used for two weeks is not missed, unless its last report said that something is still to be sent.
SELECT count(*) AS number FROM machines
WHERE last_heard_at < now() - make_interval(hours => %(silent_hours)s)
    AND (last_heard_at > now() - interval '14 days'
        OR coalesce((report ->> 'spool_files')::bigint, 0) + coalesce((report ->> 'files_unsent')::bigint, 0) > 0)
    AND NOT coalesce((report ->> 'is_for_jobs')::boolean, false)

-- name: damaged
-- A transcript of many megabytes may have several.
SELECT f.session_id, f.file_name AS file, f.machine_id AS machine, min(d.reason) AS reason, min(d.found_at) AS found_at
FROM damaged_segments AS d JOIN transcript_files AS f ON f.id = d.file_id
GROUP BY f.id ORDER BY min(d.found_at), f.id LIMIT %(most)s

-- name: unpriced
-- From the cells of all time. Calls without tokens cost nothing, as messages that Claude Code itself made.
SELECT model, unpriced_calls AS api_calls
FROM usage_rollups
WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0) AND unpriced_calls > 0 AND model <> ''
  AND input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens > 0
ORDER BY unpriced_calls DESC, model LIMIT %(most)s
