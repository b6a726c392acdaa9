-- name: known
-- Contents of a file that imports brought before.
SELECT f.id, s.sha256s, s.raw_bytes FROM transcript_files AS f
JOIN LATERAL (SELECT array_agg(sha256 ORDER BY number) AS sha256s, sum(raw_bytes)::bigint AS raw_bytes
              FROM transcript_segments WHERE file_id = f.id) AS s ON s.sha256s IS NOT NULL
WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = '' ORDER BY s.raw_bytes DESC, f.id

-- name: bring_again
UPDATE transcript_files SET parser_version = %(parser_version)s,
    brought_by = CASE WHEN %(job_number)s = ANY(brought_by) THEN brought_by ELSE brought_by || %(job_number)s::integer END,
    changed_at = CASE WHEN %(changed_at)s::timestamptz IS NULL THEN now() ELSE greatest(changed_at, %(changed_at)s) END,
    facts_ids = ARRAY(SELECT DISTINCT unnest(facts_ids || %(facts_ids)s::uuid[]))
WHERE id = %(id)s

-- name: add
INSERT INTO transcript_files (session_id, file_name, generation, user_name, brought_by, stored_offset, parsed_offset, parser_version, facts_ids,
    continued_by, changed_at)
SELECT %(session_id)s, %(file_name)s, coalesce(max(generation) + 1, 0), %(user_name)s, ARRAY[%(job_number)s]::integer[], %(size)s, %(size)s,
    %(parser_version)s, %(facts_ids)s, %(continued_by)s, coalesce(%(changed_at)s, now())
FROM transcript_files WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = ''
RETURNING id
