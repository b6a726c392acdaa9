-- Composed by services.worker.maintenance.scrub. Do not edit: `make render-sql` writes this file.

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(content), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, content
        FROM messages
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE messages SET
    content = %(content)s::text,
    terms = %(terms)s::tsvector
WHERE id = %(key)s::uuid
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(parameters), 0)
               + coalesce(octet_length(result), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, parameters::text AS parameters, result, result_cut_at
        FROM tool_calls
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE tool_calls SET
    parameters = %(parameters)s::json,
    result = %(result)s::text,
    result_cut_at = %(result_cut_at)s
WHERE id = %(key)s::uuid
  AND parameters::text IS NOT DISTINCT FROM %(old_parameters)s::json::text
  AND result::text IS NOT DISTINCT FROM %(old_result)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, git_branch, client_version, source
        FROM session_events
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_events SET
    git_branch = %(git_branch)s::text,
    client_version = %(client_version)s::text,
    source = %(source)s::text
WHERE id = %(key)s::uuid
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(title), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, title, git_branch, client_version
        FROM session_facts
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_facts SET
    title = %(title)s::text,
    git_branch = %(git_branch)s::text,
    client_version = %(client_version)s::text
WHERE id = %(key)s::uuid
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(title), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, title, git_branch, client_version, source
        FROM sessions
        WHERE session_id > %(after_key)s::text
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE sessions SET
    title = %(title)s::text,
    git_branch = %(git_branch)s::text,
    client_version = %(client_version)s::text,
    source = %(source)s::text
WHERE session_id = %(key)s::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(file_path), 0)) OVER w AS bytes
    FROM (
        SELECT file_key::text AS key, file_key AS place, file_path
        FROM files
        WHERE file_key > %(after_key)s::uuid
        ORDER BY file_key LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE files SET
    file_path = %(file_path)s::text
WHERE file_key = %(key)s::uuid
  AND file_path::text IS NOT DISTINCT FROM %(old_file_path)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(payload), 0)
               + coalesce(octet_length(reason), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, payload, reason
        FROM dead_letters
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE dead_letters SET
    payload = %(payload)s::bytea,
    reason = %(reason)s::text
WHERE id = %(key)s::uuid
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::bytea::text
  AND reason::text IS NOT DISTINCT FROM %(old_reason)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(errors), 0)
               + coalesce(octet_length(unknown_records), 0)
               + coalesce(octet_length(user_name), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, errors::text AS errors, unknown_records::text AS unknown_records, user_name
        FROM import_jobs
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE import_jobs SET
    errors = %(errors)s::jsonb,
    unknown_records = %(unknown_records)s::jsonb,
    user_name = %(user_name)s::text
WHERE id = %(key)s::uuid
  AND errors::text IS NOT DISTINCT FROM %(old_errors)s::jsonb::text
  AND unknown_records::text IS NOT DISTINCT FROM %(old_unknown_records)s::jsonb::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(patch), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, patch
        FROM activities
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE activities SET
    patch = %(patch)s::text
WHERE id = %(key)s::uuid
  AND patch::text IS NOT DISTINCT FROM %(old_patch)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(payload), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, payload::text AS payload
        FROM hook_payloads
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE hook_payloads SET
    payload = %(payload)s::json
WHERE id = %(key)s::uuid
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::json::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(content), 0)
               + coalesce(octet_length(details), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, content, details::text AS details
        FROM timeline_entries
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE timeline_entries SET
    content = %(content)s::text,
    details = %(details)s::json
WHERE id = %(key)s::uuid
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text::text
  AND details::text IS NOT DISTINCT FROM %(old_details)s::json::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(note), 0)
               + coalesce(octet_length(title), 0)
               + coalesce(octet_length(tags::text), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, note, title, tags
        FROM session_marks
        WHERE session_id > %(after_key)s::text
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_marks SET
    note = %(note)s::text,
    title = %(title)s::text,
    tags = %(tags)s::text[],
    tag_keys = %(tag_keys)s::text[]
WHERE session_id = %(key)s::text
  AND note::text IS NOT DISTINCT FROM %(old_note)s::text::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text::text
  AND tags::text IS NOT DISTINCT FROM %(old_tags)s::text[]::text;
