-- name: new_ids
-- A repeated event has not changed the row, which still has the time at which the first one was received.
WITH sent AS (SELECT * FROM unnest(%(ids)s::uuid[], %(received)s::timestamptz[]) AS s (id, received_at))
SELECT id FROM sent JOIN tool_calls USING (id, received_at)
UNION ALL SELECT id FROM sent JOIN messages USING (id, received_at)
UNION ALL SELECT id FROM sent JOIN activities USING (id, received_at)

-- name: sessions
-- shared/sessions fills these, so that the list of open sessions says the same: $is_open, $end_reason, $state, $source, $since, $tool, $input, $asks, $error, $agents, of the columns of $signs and $agent_signs.
SELECT s.session_id, $is_open, nullif(s.project_id, 0), p.name, u.name,
    (SELECT max(machine_id) FROM session_machines AS m WHERE m.session_id = s.session_id),
    coalesce(mark.title, s.title), CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END,
    $end_reason, least(s.started_at, s.first_event_at), s.last_event_at,
    $state,
    $source,
    $since,
    $tool,
    $input,
    $asks,
    $error,
    $agents
FROM sessions AS s LEFT JOIN projects AS p ON p.id = s.project_id LEFT JOIN users AS u ON u.id = s.user_id
LEFT JOIN session_marks AS mark ON mark.session_id = s.session_id
$signs
$agent_signs
WHERE s.counted AND s.session_id = ANY(%(session_ids)s)
