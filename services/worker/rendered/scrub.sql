-- Composed by services.worker.maintenance.scrub.scrub_rows. Do not edit: `make render-sql` writes this file.

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(content), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, source, content
        FROM messages
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE messages SET
    model = %(model)s,
    source = %(source)s,
    content = %(content)s
WHERE id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(source), 0)
               + coalesce(octet_length(result), 0)
               + coalesce(octet_length(parameters), 0)
               + coalesce(octet_length(result_media), 0)
               + coalesce(octet_length(outcome), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, source, result, parameters::text AS parameters, result_media::text AS result_media, outcome::text AS outcome, result_cut_at
        FROM tool_calls
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE tool_calls SET
    source = %(source)s,
    result = %(result)s,
    parameters = %(parameters)s,
    result_media = %(result_media)s,
    outcome = %(outcome)s,
    result_cut_at = %(result_cut_at)s
WHERE id = %(key)s
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND result::text IS NOT DISTINCT FROM %(old_result)s::text
  AND parameters::text IS NOT DISTINCT FROM %(old_parameters)s::text
  AND result_media::text IS NOT DISTINCT FROM %(old_result_media)s::text
  AND outcome::text IS NOT DISTINCT FROM %(old_outcome)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(source), 0)
               + coalesce(octet_length(patch), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, source, patch
        FROM activities
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE activities SET
    source = %(source)s,
    patch = %(patch)s
WHERE id = %(key)s
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND patch::text IS NOT DISTINCT FROM %(old_patch)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(source), 0)
               + coalesce(octet_length(inference_geo), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, source, inference_geo
        FROM api_calls
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE api_calls SET
    source = %(source)s,
    inference_geo = %(inference_geo)s
WHERE id = %(key)s
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND inference_geo::text IS NOT DISTINCT FROM %(old_inference_geo)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(source), 0)
               + coalesce(octet_length(content), 0)
               + coalesce(octet_length(details), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, source, content, details::text AS details
        FROM timeline_entries
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE timeline_entries SET
    source = %(source)s,
    content = %(content)s,
    details = %(details)s
WHERE id = %(key)s
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND content::text IS NOT DISTINCT FROM %(old_content)s::text
  AND details::text IS NOT DISTINCT FROM %(old_details)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, git_branch, client_version, source
        FROM session_events
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_events SET
    model = %(model)s,
    git_branch = %(git_branch)s,
    client_version = %(client_version)s,
    source = %(source)s
WHERE id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(title), 0)
               + coalesce(octet_length(numbers), 0)
               + coalesce(octet_length(client_costs), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, git_branch, client_version, source, title, numbers::text AS numbers, client_costs::text AS client_costs
        FROM session_facts
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_facts SET
    model = %(model)s,
    git_branch = %(git_branch)s,
    client_version = %(client_version)s,
    source = %(source)s,
    title = %(title)s,
    numbers = %(numbers)s,
    client_costs = %(client_costs)s
WHERE id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text
  AND numbers::text IS NOT DISTINCT FROM %(old_numbers)s::text
  AND client_costs::text IS NOT DISTINCT FROM %(old_client_costs)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(file_path), 0)) OVER w AS bytes
    FROM (
        SELECT file_key::text AS key, file_key AS place, file_path
        FROM files
        WHERE file_key > %(after_key)s
        ORDER BY file_key LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE files SET
    file_path = %(file_path)s
WHERE file_key = %(key)s
  AND file_path::text IS NOT DISTINCT FROM %(old_file_path)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(git_branch), 0)
               + coalesce(octet_length(client_version), 0)
               + coalesce(octet_length(source), 0)
               + coalesce(octet_length(title), 0)
               + coalesce(octet_length(snapshot), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, model, git_branch, client_version, source, title, snapshot::text AS snapshot
        FROM sessions
        WHERE session_id > %(after_key)s
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE sessions SET
    model = %(model)s,
    git_branch = %(git_branch)s,
    client_version = %(client_version)s,
    source = %(source)s,
    title = %(title)s,
    snapshot = %(snapshot)s
WHERE session_id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND git_branch::text IS NOT DISTINCT FROM %(old_git_branch)s::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text
  AND source::text IS NOT DISTINCT FROM %(old_source)s::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text
  AND snapshot::text IS NOT DISTINCT FROM %(old_snapshot)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(tags::text), 0)
               + coalesce(octet_length(note), 0)
               + coalesce(octet_length(title), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, tags, note, title
        FROM session_marks
        WHERE session_id > %(after_key)s
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE session_marks SET
    tags = %(tags)s,
    note = %(note)s,
    title = %(title)s,
    tag_keys = %(tag_keys)s::text[]
WHERE session_id = %(key)s
  AND tags::text IS NOT DISTINCT FROM %(old_tags)s::text[]::text
  AND note::text IS NOT DISTINCT FROM %(old_note)s::text
  AND title::text IS NOT DISTINCT FROM %(old_title)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(client_version), 0)) OVER w AS bytes
    FROM (
        SELECT session_id::text AS key, session_id AS place, model, client_version
        FROM status_lines
        WHERE session_id > %(after_key)s
        ORDER BY session_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE status_lines SET
    model = %(model)s,
    client_version = %(client_version)s
WHERE session_id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND client_version::text IS NOT DISTINCT FROM %(old_client_version)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(payload), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, user_name, bound_user, request_id, payload::text AS payload
        FROM hook_payloads
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE hook_payloads SET
    user_name = %(user_name)s,
    bound_user = %(bound_user)s,
    request_id = %(request_id)s,
    payload = %(payload)s
WHERE id = %(key)s
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(attributes), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, user_name, bound_user, request_id, attributes::text AS attributes
        FROM signals
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE signals SET
    user_name = %(user_name)s,
    bound_user = %(bound_user)s,
    request_id = %(request_id)s,
    attributes = %(attributes)s
WHERE id = %(key)s
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND attributes::text IS NOT DISTINCT FROM %(old_attributes)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(file_name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(bound_user), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, file_name, user_name, bound_user
        FROM transcript_files
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE transcript_files SET
    file_name = CASE WHEN EXISTS (
            SELECT FROM transcript_files AS o WHERE (o.session_id, o.file_name, o.machine_id, o.generation)
                        = (transcript_files.session_id, %(file_name)s::text, transcript_files.machine_id, transcript_files.generation) AND o.id <> transcript_files.id
        ) THEN regexp_replace(%(file_name)s::text, '(\.jsonl)?\Z', '-' || transcript_files.id || '\1') ELSE %(file_name)s::text END,
    user_name = %(user_name)s,
    bound_user = %(bound_user)s
WHERE id = %(key)s
  AND file_name::text IS NOT DISTINCT FROM %(old_file_name)s::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name
        FROM users
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE users SET
    name = CASE WHEN EXISTS (
            SELECT FROM users AS o WHERE o.name = %(name)s::text AND o.id <> users.id
        ) THEN %(name)s::text || ' ' || users.id ELSE %(name)s::text END
WHERE id = %(key)s
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(report), 0)) OVER w AS bytes
    FROM (
        SELECT machine_id::text AS key, machine_id AS place, name, user_name, report::text AS report
        FROM machines
        WHERE machine_id > %(after_key)s
        ORDER BY machine_id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE machines SET
    name = %(name)s,
    user_name = %(user_name)s,
    report = %(report)s
WHERE machine_id = %(key)s
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND report::text IS NOT DISTINCT FROM %(old_report)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(address), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name, address
        FROM saved_views
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE saved_views SET
    name = CASE WHEN EXISTS (
            SELECT FROM saved_views AS o WHERE lower(o.name) = lower(%(name)s::text) AND o.id <> saved_views.id
        ) THEN %(name)s::text || ' ' || saved_views.id ELSE %(name)s::text END,
    address = %(address)s
WHERE id = %(key)s
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text
  AND address::text IS NOT DISTINCT FROM %(old_address)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(path), 0)
               + coalesce(octet_length(name), 0)
               + coalesce(octet_length(merge_evidence), 0)
               + coalesce(octet_length(group_name), 0)
               + coalesce(octet_length(repository), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, path, name, merge_evidence, group_name, repository
        FROM projects
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE projects SET
    path = CASE WHEN EXISTS (
            SELECT FROM projects AS o WHERE o.path_key = md5(%(path)s::text)::uuid AND o.id <> projects.id
        ) THEN %(path)s::text || ' ' || projects.id ELSE %(path)s::text END,
    name = %(name)s,
    merge_evidence = %(merge_evidence)s,
    group_name = %(group_name)s,
    repository = %(repository)s
WHERE id = %(key)s
  AND path::text IS NOT DISTINCT FROM %(old_path)s::text
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text
  AND merge_evidence::text IS NOT DISTINCT FROM %(old_merge_evidence)s::text
  AND group_name::text IS NOT DISTINCT FROM %(old_group_name)s::text
  AND repository::text IS NOT DISTINCT FROM %(old_repository)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(before), 0)
               + coalesce(octet_length(after), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, before::text AS before, after::text AS after
        FROM project_changes
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_changes SET
    before = %(before)s,
    after = %(after)s
WHERE id = %(key)s
  AND before::text IS NOT DISTINCT FROM %(old_before)s::text
  AND after::text IS NOT DISTINCT FROM %(old_after)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(path), 0)
               + coalesce(octet_length(common_dir), 0)
               + coalesce(octet_length(remote), 0)
               + coalesce(octet_length(inside), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, path, common_dir, remote, inside
        FROM project_places
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_places SET
    path = CASE WHEN EXISTS (
            SELECT FROM project_places AS o WHERE (o.told_by, o.path_key) = (project_places.told_by, md5(%(path)s::text)::uuid) AND o.id <> project_places.id
        ) THEN %(path)s::text || ' ' || project_places.id ELSE %(path)s::text END,
    common_dir = %(common_dir)s,
    remote = %(remote)s,
    inside = %(inside)s
WHERE id = %(key)s
  AND path::text IS NOT DISTINCT FROM %(old_path)s::text
  AND common_dir::text IS NOT DISTINCT FROM %(old_common_dir)s::text
  AND remote::text IS NOT DISTINCT FROM %(old_remote)s::text
  AND inside::text IS NOT DISTINCT FROM %(old_inside)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(pattern), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, pattern
        FROM project_rules
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE project_rules SET
    pattern = CASE WHEN EXISTS (
            SELECT FROM project_rules AS o WHERE o.pattern = %(pattern)s::text AND o.id <> project_rules.id
        ) THEN %(pattern)s::text || ' ' || project_rules.id ELSE %(pattern)s::text END
WHERE id = %(key)s
  AND pattern::text IS NOT DISTINCT FROM %(old_pattern)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)
               + coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(user_names::text), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name, user_name, user_names
        FROM api_keys
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE api_keys SET
    name = %(name)s,
    user_name = %(user_name)s,
    user_names = %(user_names)s
WHERE id = %(key)s
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND user_names::text IS NOT DISTINCT FROM %(old_user_names)s::text[]::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(subject), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(details), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, subject, request_id, details::text AS details
        FROM audit_log
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE audit_log SET
    subject = %(subject)s,
    request_id = %(request_id)s,
    details = %(details)s
WHERE id = %(key)s
  AND subject::text IS NOT DISTINCT FROM %(old_subject)s::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND details::text IS NOT DISTINCT FROM %(old_details)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(user_name), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(files), 0)
               + coalesce(octet_length(errors), 0)
               + coalesce(octet_length(unknown_records), 0)
               + coalesce(octet_length(skipped_records), 0)
               + coalesce(octet_length(selection), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, user_name, request_id, files::text AS files, errors::text AS errors, unknown_records::text AS unknown_records, skipped_records::text AS skipped_records, selection::text AS selection
        FROM import_jobs
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE import_jobs SET
    user_name = %(user_name)s,
    request_id = %(request_id)s,
    files = %(files)s,
    errors = %(errors)s,
    unknown_records = %(unknown_records)s,
    skipped_records = %(skipped_records)s,
    selection = %(selection)s
WHERE id = %(key)s
  AND user_name::text IS NOT DISTINCT FROM %(old_user_name)s::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND files::text IS NOT DISTINCT FROM %(old_files)s::text
  AND errors::text IS NOT DISTINCT FROM %(old_errors)s::text
  AND unknown_records::text IS NOT DISTINCT FROM %(old_unknown_records)s::text
  AND skipped_records::text IS NOT DISTINCT FROM %(old_skipped_records)s::text
  AND selection::text IS NOT DISTINCT FROM %(old_selection)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(bound_user), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, bound_user
        FROM exports
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE exports SET
    bound_user = %(bound_user)s
WHERE id = %(key)s
  AND bound_user::text IS NOT DISTINCT FROM %(old_bound_user)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(names::text), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(options), 0)
               + coalesce(octet_length(counts), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, names, request_id, options::text AS options, counts::text AS counts
        FROM jobs
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE jobs SET
    names = %(names)s,
    request_id = %(request_id)s,
    options = %(options)s,
    counts = %(counts)s
WHERE id = %(key)s
  AND names::text IS NOT DISTINCT FROM %(old_names)s::text[]::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND options::text IS NOT DISTINCT FROM %(old_options)s::text
  AND counts::text IS NOT DISTINCT FROM %(old_counts)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(model), 0)
               + coalesce(octet_length(version), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, model, version
        FROM prices
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE prices SET
    model = CASE WHEN EXISTS (
            SELECT FROM prices AS o WHERE o.model = %(model)s::text AND o.id <> prices.id
        ) THEN %(model)s::text || ' ' || prices.id ELSE %(model)s::text END,
    version = %(version)s
WHERE id = %(key)s
  AND model::text IS NOT DISTINCT FROM %(old_model)s::text
  AND version::text IS NOT DISTINCT FROM %(old_version)s::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(reason), 0)
               + coalesce(octet_length(request_id), 0)
               + coalesce(octet_length(bound), 0)
               + coalesce(octet_length(payload), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, reason, request_id, bound::text AS bound, payload
        FROM dead_letters
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE dead_letters SET
    reason = %(reason)s,
    request_id = %(request_id)s,
    bound = %(bound)s,
    payload = %(payload)s
WHERE id = %(key)s
  AND reason::text IS NOT DISTINCT FROM %(old_reason)s::text
  AND request_id::text IS NOT DISTINCT FROM %(old_request_id)s::text
  AND bound::text IS NOT DISTINCT FROM %(old_bound)s::text
  AND payload::text IS NOT DISTINCT FROM %(old_payload)s::bytea::text;

SELECT * FROM (
    SELECT *, row_number() OVER w AS n,
           sum(coalesce(octet_length(name), 0)) OVER w AS bytes
    FROM (
        SELECT id::text AS key, id AS place, name
        FROM unread_formats
        WHERE id > %(after_key)s
        ORDER BY id LIMIT %(chunk_rows)s
    ) AS r
    WINDOW w AS (ORDER BY place)
) AS s WHERE n = 1 OR bytes <= %(chunk_bytes)s ORDER BY n;

UPDATE unread_formats SET
    name = CASE WHEN EXISTS (
            SELECT FROM unread_formats AS o WHERE (o.version, o.kind, o.name) = (unread_formats.version, unread_formats.kind, %(name)s::text) AND o.id <> unread_formats.id
        ) THEN %(name)s::text || ' ' || unread_formats.id ELSE %(name)s::text END
WHERE id = %(key)s
  AND name::text IS NOT DISTINCT FROM %(old_name)s::text;
