-- name: empty_staged
-- A fork's copy of a row has the time and the session of the fork; the stored row has those that count.
UPDATE staged_$table AS s SET $assignments
FROM dropped_texts AS d
WHERE d.session_id = s.session_id AND s.occurred_at < d.before
   OR EXISTS (SELECT FROM $table AS t WHERE t.id = s.id AND t.session_id = d.session_id AND t.occurred_at < d.before)

-- name: empty_staged_facts
UPDATE staged_session_facts AS s SET title = NULL
FROM dropped_texts AS d WHERE d.session_id = s.session_id AND $is_old < d.before

-- name: kept_details
(SELECT json_object_agg(key, value) FROM json_each(details)
 WHERE key IN ('type', 'status', 'exit_code', 'stopped', 'shell', 'attempt', 'attempts_at_most', 'retry_after_ms', 'tool_call_id', 'from', 'to'))

-- name: keep_empty
UPDATE staged_messages AS s SET content = '' FROM messages AS t
WHERE t.id = s.id AND s.session_id IS NULL AND t.session_id IS NULL AND t.content = ''
