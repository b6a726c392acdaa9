-- A call took as long as its use and its result are apart in a file, waiting included. That is `duration_ms` of timestamps, or the sum of duration and
-- wait where a hook has made two parts of it. The longer of two durations that hooks report counts.

-- name: durations_of_hooks
-- A tool call with a result in a file keeps all that the file says, and gets the duration of the hook, which does not count the wait for permission.
UPDATE staged_tool_calls AS s SET duration_source = 'reported',
    duration_ms = CASE WHEN s.duration_source = 'reported' THEN greatest(s.duration_ms, h.duration_ms) ELSE h.duration_ms END,
    wait_ms = CASE
        WHEN s.duration_source = 'timestamps' AND s.duration_ms IS NOT NULL THEN greatest(s.duration_ms - h.duration_ms, 0)
        WHEN s.duration_source = 'reported' AND s.duration_ms + s.wait_ms IS NOT NULL
            THEN greatest(s.duration_ms + s.wait_ms - greatest(s.duration_ms, h.duration_ms), 0) END
FROM $hooks AS h
WHERE h.id = s.id AND s.source IS DISTINCT FROM 'hook' AND s.status <> 'pending'
  AND h.source = 'hook' AND h.duration_source = 'reported' $condition

-- name: hooks_of_known_calls
-- The same of a hook that comes after the file.
UPDATE staged_tool_calls AS s SET
    $as_stored,
    duration_ms = CASE WHEN t.duration_source = 'reported' THEN greatest(t.duration_ms, s.duration_ms) ELSE s.duration_ms END,
    wait_ms = CASE
        WHEN t.duration_source = 'timestamps' AND t.duration_ms IS NOT NULL THEN greatest(t.duration_ms - s.duration_ms, 0)
        WHEN t.duration_source = 'reported' AND t.duration_ms + t.wait_ms IS NOT NULL
            THEN greatest(t.duration_ms + t.wait_ms - greatest(t.duration_ms, s.duration_ms), 0) END
FROM tool_calls AS t
WHERE t.id = s.id AND s.source = 'hook' AND s.duration_source = 'reported'
  AND t.source IS DISTINCT FROM 'hook' AND t.status <> 'pending' AND NOT coalesce(0 >= ANY(t.brought_by), true)

-- name: drop_staged
DELETE FROM staged_messages AS h WHERE h.source = 'hook' AND $is_superseded

-- name: superseded
-- The index messages_of_hooks has only these messages.
SELECT h.id, h.session_id FROM messages AS h
WHERE h.session_id = ANY(%(session_ids)s) AND h.source = 'hook' AND h.brought_by IS NOT NULL AND NOT 0 >= ANY(h.brought_by)
  AND $is_superseded

-- name: is_superseded
-- A file has the message: its session is read beyond it, or it has one with these words. A hook runs a moment after what it tells of was written, and
-- perhaps on another clock. Words are compared from an hour before on: people and Claude say the same again.
(EXISTS (SELECT FROM session_facts AS f
         WHERE f.session_id = h.session_id AND f.source = 'transcript' AND f.last_record_at >= h.occurred_at - interval '5 seconds')
 OR EXISTS (SELECT FROM messages AS m
            WHERE m.session_id = h.session_id AND m.source IN ('transcript', 'history.jsonl') AND m.role = h.role
              AND m.agent_id IS NOT DISTINCT FROM h.agent_id AND m.occurred_at > h.occurred_at - interval '1 hour'
              AND btrim(m.content) = btrim(h.content))
 OR EXISTS (SELECT FROM staged_messages AS m
            WHERE m.session_id = h.session_id AND m.source IN ('transcript', 'history.jsonl') AND m.role = h.role
              AND m.agent_id IS NOT DISTINCT FROM h.agent_id AND m.occurred_at > h.occurred_at - interval '1 hour'
              AND btrim(m.content) = btrim(h.content)))
