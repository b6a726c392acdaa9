-- name: files
-- A file that was rewritten on its machine is a new generation; of several machines, the longest file is the one that went on last.
-- An import has the machine '', and each content that imports brought is a generation; one that a longer one begins with is left out. So is a file
-- without stored content (archive off, or expired), and one of another user than the session's.
WITH versions AS (
    SELECT f.id, f.file_name, f.machine_id, f.generation, coalesce(own.name, f.user_name) AS user_name, f.stored_offset, f.changed_at,
        coalesce(s.bytes, 0) + coalesce(r.bytes, 0) AS bytes, s.content_hash, coalesce(r.end_offset, 0) AS end_offset,
        f.machine_id = '' OR f.generation = max(f.generation) OVER (PARTITION BY f.file_name, f.machine_id) AS is_last_generation
    FROM transcript_files AS f
    LEFT JOIN sessions AS o USING (session_id)
    LEFT JOIN users AS u ON u.name = f.user_name
    LEFT JOIN users AS own ON own.id = u.alias_of
    LEFT JOIN LATERAL (SELECT sum(raw_bytes)::bigint AS bytes, md5(string_agg(sha256, '' ORDER BY number)) AS content_hash
                       FROM transcript_segments WHERE file_id = f.id) AS s ON true
    LEFT JOIN LATERAL (SELECT sum(raw_bytes)::bigint AS bytes, max(end_offset) AS end_offset
                       FROM transcript_ranges WHERE file_id = f.id AND end_offset <= f.stored_offset) AS r ON true
    WHERE f.session_id = %(session_id)s AND f.continued_by IS NULL AND is_file_of(f.bound_user, o.user_id)
), stored AS (SELECT * FROM versions WHERE bytes > 0)
SELECT id, file_name AS file, machine_id AS machine, generation, user_name AS user, bytes, changed_at, content_hash, end_offset,
    row_number() OVER (PARTITION BY file_name ORDER BY is_last_generation DESC, stored_offset DESC, changed_at DESC, id DESC) = 1 AS is_newest
FROM stored
ORDER BY file_name <> %(session_id)s || '.jsonl', file_name, is_newest DESC, changed_at DESC, id DESC
