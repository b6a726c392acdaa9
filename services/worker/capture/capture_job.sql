-- name: add
INSERT INTO import_jobs (id, kind, status, stage, files, has_files, started_at)
VALUES (gen_random_uuid(), 'capture', 'running', 'reading', '[]', false, now())
ON CONFLICT (kind) WHERE kind = 'capture' DO NOTHING

-- name: add_counts
UPDATE import_jobs SET bytes_done = bytes_done + %(bytes)s, rows_done = rows_done + %(rows)s, errors_total = errors_total + %(errors_total)s,
    errors = CASE %(errors_total)s WHEN 0 THEN errors ELSE jsonb_path_query_array(%(errors)s::jsonb || errors, '$[0 to 99]') END,
    unknown_records = sum_of_each(unknown_records, %(unknown_records)s),
    skipped_records = sum_of_each(skipped_records, %(skipped_records)s), redactions = sum_of_each(redactions, %(redactions)s),
    projects_imported = projects_imported + %(projects)s, sessions_imported = sessions_imported + %(sessions)s,
    sessions_updated = sessions_updated + %(sessions_updated)s, conversations_imported = conversations_imported + %(messages)s,
    activities_imported = activities_imported + %(activities)s, tool_calls_imported = tool_calls_imported + %(tool_calls)s,
    api_calls_imported = api_calls_imported + %(api_calls)s, duplicates = duplicates + %(duplicates)s
WHERE number = %(number)s
