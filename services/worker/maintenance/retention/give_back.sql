-- name: tables
-- Those that the run has dropped something of, in the order of their names.
SELECT table_name FROM (VALUES
    ('texts', 'messages'), ('texts', 'tool_calls'), ('texts', 'activities'), ('texts', 'timeline_entries'), ('texts', 'transcript_ranges'),
    ('texts', 'search_documents'), ('texts', 'transcript_segments'),
    ('sessions', 'messages'), ('sessions', 'tool_calls'), ('sessions', 'activities'), ('sessions', 'timeline_entries'), ('sessions', 'api_calls'),
    ('sessions', 'sessions'), ('sessions', 'session_facts'), ('sessions', 'session_events'), ('sessions', 'session_files'),
    ('sessions', 'import_sessions'), ('sessions', 'transcript_files'), ('sessions', 'transcript_ranges'), ('sessions', 'transcript_segments'),
    ('sessions', 'search_documents'),
    ('archive', 'transcript_files'), ('archive', 'transcript_ranges'), ('archive', 'transcript_segments'),
    ('jobs', 'import_jobs'), ('dead_letters', 'dead_letters'), ('scrubs', 'scrubs'), ('audit', 'audit_log'), ('live_payloads', 'hook_payloads'),
    ('live_payloads', 'signals'), ('live_payloads', 'quota_readings'), ('live_payloads', 'status_lines'), ('live_payloads', 'session_processes')
) AS t (what, table_name)
WHERE table_name > %(after)s AND EXISTS (SELECT FROM retention_counts AS c WHERE c.run_id = %(run_id)s AND c.what = t.what)
ORDER BY table_name LIMIT 1
