-- Composed by services.worker.maintenance.scrub.scrub_rows. Do not edit: `make render-sql` writes this file.

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(content), 0)
               + coalesce(octet_length(model), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, content, model, source
        FROM messages
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE messages SET
    content = %(content)s::text,
    model = %(model)s::text,
    source = %(source)s::text
WHERE id = %(key)s::uuid
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text::text
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(parameters), 0)
               + coalesce(octet_length(result), 0)
               + coalesce(octet_length(result_media), 0)
               + coalesce(octet_length(outcome), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, parameters::text AS parameters, result, result_media::text AS result_media, outcome::text AS outcome, source, result_cut_at
        FROM tool_calls
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE tool_calls SET
    parameters = %(parameters)s::json,
    result = %(result)s::text,
    result_media = %(result_media)s::json,
    outcome = %(outcome)s::json,
    source = %(source)s::text,
    result_cut_at = %(result_cut_at)s
WHERE id = %(key)s::uuid
  AND parameters::text IS NOT DISTINCT FROM %(old_parameters)s::json::text
  AND result::text IS NOT DISTINCT FROM %(old_result)s::text::text
  AND result_media::text IS NOT DISTINCT FROM %(old_result_media)s::json::text
  AND outcome::text IS NOT DISTINCT FROM %(old_outcome)s::json::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(model), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, git_branch, client_version, source, model
        FROM session_events
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_events SET
    git_branch = %(git_branch)s::text,
    client_version = %(client_version)s::text,
    source = %(source)s::text,
    model = %(model)s::text
WHERE id = %(key)s::uuid
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(patch), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, patch, source
        FROM activities
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE activities SET
    patch = %(patch)s::text,
    source = %(source)s::text
WHERE id = %(key)s::uuid
  AND patch::text IS NOT DISTINCT FROM %(old_patch)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(source), 0)
               + coalesce(octet_length(inference_geo), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, source, inference_geo
        FROM api_calls
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE api_calls SET
    source = %(source)s::text,
    inference_geo = %(inference_geo)s::text
WHERE id = %(key)s::uuid
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text
  AND inference_geo::text IS NOT DISTINCT FROM %(old_inference_geo)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(content), 0)
               + coalesce(octet_length(details), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, content, details::text AS details, source
        FROM timeline_entries
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE timeline_entries SET
    content = %(content)s::text,
    details = %(details)s::json,
    source = %(source)s::text
WHERE id = %(key)s::uuid
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text::text
  AND details::text IS NOT DISTINCT FROM %(old_details)s::json::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(title), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(model), 0)
               + coalesce(octet_length(numbers), 0)
               + coalesce(octet_length(client_costs), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, title, git_branch, client_version, source, model, numbers::text AS numbers, client_costs::text AS client_costs
        FROM session_facts
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_facts SET
    title = %(title)s::text,
    git_branch = %(git_branch)s::text,
    client_version = %(client_version)s::text,
    source = %(source)s::text,
    model = %(model)s::text,
    numbers = %(numbers)s::jsonb,
    client_costs = %(client_costs)s::jsonb
WHERE id = %(key)s::uuid
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND numbers::text IS NOT DISTINCT FROM %(old_numbers)s::jsonb::text
  AND client_costs::text IS NOT DISTINCT FROM %(old_client_costs)s::jsonb::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(title), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(model), 0)
               + coalesce(octet_length(snapshot), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, title, git_branch, client_version, source, model, snapshot::text AS snapshot
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
    source = %(source)s::text,
    model = %(model)s::text,
    snapshot = %(snapshot)s::jsonb
WHERE session_id = %(key)s::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text::text
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND snapshot::text IS NOT DISTINCT FROM %(old_snapshot)s::jsonb::text;

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
           sum(coalesce(octet_length(path), 0)
               + coalesce(octet_length(name), 0)
               + coalesce(octet_length(group_name), 0)
               + coalesce(octet_length(merge_evidence), 0)
               + coalesce(octet_length(repository), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, path, name, group_name, merge_evidence, repository
        FROM projects
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE projects SET
    path = CASE
            WHEN EXISTS (SELECT FROM projects AS o WHERE o.path_key = md5(%(path)s::text)::uuid AND o.id <> %(key)s::bigint) THEN %(path)s::text || ' ' || %(key)s::bigint ELSE %(path)s::text
        END,
    name = %(name)s::text,
    group_name = %(group_name)s::text,
    merge_evidence = %(merge_evidence)s::text,
    repository = %(repository)s::text
WHERE id = %(key)s::bigint
  AND path::text IS NOT DISTINCT FROM %(old_path)s::text::text
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text
  AND group_name::text IS NOT DISTINCT FROM %(old_group_name)s::text::text
  AND merge_evidence::text IS NOT DISTINCT FROM %(old_merge_evidence)s::text::text
  AND repository::text IS NOT DISTINCT FROM %(old_repository)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(before), 0)
               + coalesce(octet_length(after), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, before::text AS before, after::text AS after
        FROM project_changes
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_changes SET
    before = %(before)s::jsonb,
    after = %(after)s::jsonb
WHERE id = %(key)s::bigint
  AND before::text IS NOT DISTINCT FROM %(old_before)s::jsonb::text
  AND after::text IS NOT DISTINCT FROM %(old_after)s::jsonb::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(path), 0)
               + coalesce(octet_length(common_dir), 0)
               + coalesce(octet_length(remote), 0)
               + coalesce(octet_length(inside), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, path, common_dir, remote, inside
        FROM project_places
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_places SET
    path = CASE
            WHEN EXISTS (SELECT FROM project_places AS o
                         WHERE (o.told_by, o.path_key) = (project_places.told_by, md5(%(path)s::text)::uuid) AND o.id <> %(key)s::bigint) THEN %(path)s::text || ' ' || %(key)s::bigint
            ELSE %(path)s::text
        END,
    common_dir = %(common_dir)s::text,
    remote = %(remote)s::text,
    inside = %(inside)s::text
WHERE id = %(key)s::bigint
  AND path::text IS NOT DISTINCT FROM %(old_path)s::text::text
  AND common_dir::text IS NOT DISTINCT FROM %(old_common_dir)s::text::text
  AND remote::text IS NOT DISTINCT FROM %(old_remote)s::text::text
  AND inside::text IS NOT DISTINCT FROM %(old_inside)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(pattern), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, pattern
        FROM project_rules
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_rules SET
    pattern = CASE
            WHEN EXISTS (SELECT FROM project_rules AS o WHERE o.pattern = %(pattern)s::text AND o.id <> %(key)s::bigint) THEN %(pattern)s::text || ' ' || %(key)s::bigint ELSE %(pattern)s::text
        END
WHERE id = %(key)s::bigint
  AND pattern::text IS NOT DISTINCT FROM %(old_pattern)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name
        FROM users
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE users SET
    name = CASE
            WHEN EXISTS (SELECT FROM users AS o WHERE o.name = %(name)s::text AND o.id <> %(key)s::bigint) THEN %(name)s::text || ' ' || %(key)s::bigint ELSE %(name)s::text
        END
WHERE id = %(key)s::bigint
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text;

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

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(address), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name, address
        FROM saved_views
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE saved_views SET
    name = CASE
            WHEN EXISTS (SELECT FROM saved_views AS o WHERE lower(o.name) = lower(%(name)s::text) AND o.id <> %(key)s::uuid) THEN %(name)s::text || ' ' || %(key)s::uuid ELSE %(name)s::text
        END,
    address = %(address)s::text
WHERE id = %(key)s::uuid
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text
  AND address::text IS NOT DISTINCT FROM %(old_address)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(report), 0)) OVER w AS bytes
    FROM (
        SELECT machine_id::text AS key, machine_id AS place, name, user_name, report::text AS report
        FROM machines
        WHERE machine_id > %(after_key)s::text
        ORDER BY machine_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE machines SET
    name = %(name)s::text,
    user_name = %(user_name)s::text,
    report = %(report)s::jsonb
WHERE machine_id = %(key)s::text
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND report::text IS NOT DISTINCT FROM %(old_report)s::jsonb::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(payload), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)
               + coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, payload::text AS payload, user_name, bound_user, request_id
        FROM hook_payloads
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE hook_payloads SET
    payload = %(payload)s::json,
    user_name = %(user_name)s::text,
    bound_user = %(bound_user)s::text,
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::json::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(attributes), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)
               + coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, attributes::text AS attributes, user_name, bound_user, request_id
        FROM signals
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE signals SET
    attributes = %(attributes)s::jsonb,
    user_name = %(user_name)s::text,
    bound_user = %(bound_user)s::text,
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND attributes::text IS NOT DISTINCT FROM %(old_attributes)s::jsonb::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(file_name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, file_name, user_name, bound_user
        FROM transcript_files
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE transcript_files SET
    file_name = CASE WHEN EXISTS (
            SELECT FROM transcript_files AS o
            WHERE (o.session_id, o.file_name, o.machine_id, o.generation)
                = (transcript_files.session_id, %(file_name)s::text, transcript_files.machine_id, transcript_files.generation) AND o.id <> %(key)s::bigint
        ) THEN regexp_replace(%(file_name)s::text, '(\.jsonl)?\Z', '-' || %(key)s::bigint || '\1') ELSE %(file_name)s::text END,
    user_name = %(user_name)s::text,
    bound_user = %(bound_user)s::text
WHERE id = %(key)s::bigint
  AND file_name::text IS NOT DISTINCT FROM %(old_file_name)s::text::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(client_version), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, model, client_version
        FROM status_lines
        WHERE session_id > %(after_key)s::text
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE status_lines SET
    model = %(model)s::text,
    client_version = %(client_version)s::text
WHERE session_id = %(key)s::text
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(payload), 0)
               + coalesce(octet_length(reason), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(bound), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, payload, reason, request_id, bound::text AS bound
        FROM dead_letters
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE dead_letters SET
    payload = %(payload)s::bytea,
    reason = %(reason)s::text,
    request_id = %(request_id)s::text,
    bound = %(bound)s::jsonb
WHERE id = %(key)s::uuid
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::bytea::text
  AND reason::text IS NOT DISTINCT FROM %(old_reason)s::text::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text
  AND bound::text IS NOT DISTINCT FROM %(old_bound)s::jsonb::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(files), 0)
               + coalesce(octet_length(errors), 0)
               + coalesce(octet_length(unknown_records), 0)
               + coalesce(octet_length(skipped_records), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(selection), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, files::text AS files, errors::text AS errors, unknown_records::text AS unknown_records, skipped_records::text AS skipped_records, user_name, request_id, selection::text AS selection
        FROM import_jobs
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE import_jobs SET
    files = %(files)s::jsonb,
    errors = %(errors)s::jsonb,
    unknown_records = %(unknown_records)s::jsonb,
    skipped_records = %(skipped_records)s::jsonb,
    user_name = %(user_name)s::text,
    request_id = %(request_id)s::text,
    selection = %(selection)s::jsonb
WHERE id = %(key)s::uuid
  AND files::text IS NOT DISTINCT FROM %(old_files)s::jsonb::text
  AND errors::text IS NOT DISTINCT FROM %(old_errors)s::jsonb::text
  AND unknown_records::text IS NOT DISTINCT FROM %(old_unknown_records)s::jsonb::text
  AND skipped_records::text IS NOT DISTINCT FROM %(old_skipped_records)s::jsonb::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text
  AND selection::text IS NOT DISTINCT FROM %(old_selection)s::jsonb::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name
        FROM unread_formats
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE unread_formats SET
    name = CASE
            WHEN EXISTS (SELECT FROM unread_formats AS o
                         WHERE (o.version, o.kind, o.name) = (unread_formats.version, unread_formats.kind, %(name)s::text) AND o.id <> %(key)s::bigint)
                THEN %(name)s::text || ' ' || %(key)s::bigint ELSE %(name)s::text
        END
WHERE id = %(key)s::bigint
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(user_names::text), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name, user_name, user_names
        FROM api_keys
        WHERE id > %(after_key)s::text
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE api_keys SET
    name = %(name)s::text,
    user_name = %(user_name)s::text,
    user_names = %(user_names)s::text[]
WHERE id = %(key)s::text
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text::text
  AND user_names::text IS NOT DISTINCT FROM %(old_user_names)s::text[]::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(bound_user), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, bound_user
        FROM exports
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE exports SET
    bound_user = %(bound_user)s::text
WHERE id = %(key)s::uuid
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(subject), 0)
               + coalesce(octet_length(details), 0)
               + coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, subject, details::text AS details, request_id
        FROM audit_log
        WHERE id > %(after_key)s::bigint
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE audit_log SET
    subject = %(subject)s::text,
    details = %(details)s::jsonb,
    request_id = %(request_id)s::text
WHERE id = %(key)s::bigint
  AND subject::text IS NOT DISTINCT FROM %(old_subject)s::text::text
  AND details::text IS NOT DISTINCT FROM %(old_details)s::jsonb::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, request_id
        FROM scrubs
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE scrubs SET
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, request_id
        FROM retention_runs
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE retention_runs SET
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(by_model), 0)
               + coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, by_model::text AS by_model, request_id
        FROM reprices
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE reprices SET
    model = %(model)s::text,
    by_model = %(by_model)s::jsonb,
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND by_model::text IS NOT DISTINCT FROM %(old_by_model)s::jsonb::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(version), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, version
        FROM prices
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE prices SET
    model = %(model)s::text || ' ' || %(key)s::uuid,
    version = %(version)s::text
WHERE id = %(key)s::uuid
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text::text
  AND version::text IS NOT DISTINCT FROM %(old_version)s::text::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(names::text), 0)
               + coalesce(octet_length(request_id), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, names, request_id
        FROM erasures
        WHERE id > %(after_key)s::uuid
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE erasures SET
    names = %(names)s::text[],
    request_id = %(request_id)s::text
WHERE id = %(key)s::uuid
  AND names::text IS NOT DISTINCT FROM %(old_names)s::text[]::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text::text;
