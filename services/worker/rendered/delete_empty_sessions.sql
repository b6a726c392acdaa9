-- Composed by services.worker.sessions.session_rebuild. Do not edit: `make render-sql` writes this file.

WITH gone AS (
DELETE FROM sessions AS s WHERE session_id = ANY(%(session_ids)s) AND (counted OR project_id = 0) AND NOT seen_live
  AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
  AND NOT EXISTS (SELECT FROM session_facts AS e WHERE e.session_id = s.session_id)
  AND NOT EXISTS (SELECT FROM messages AS e WHERE e.session_id = s.session_id)
  AND
  NOT EXISTS (SELECT FROM tool_calls AS e WHERE e.session_id = s.session_id)
  AND
  NOT EXISTS (SELECT FROM activities AS e WHERE e.session_id = s.session_id)
  AND
  NOT EXISTS (SELECT FROM api_calls AS e WHERE e.session_id = s.session_id)
  AND
  NOT EXISTS (SELECT FROM timeline_entries AS e WHERE e.session_id = s.session_id)
RETURNING session_id, user_id, coalesce(path_project_id, project_id) AS project_id
)
UPDATE session_marks AS m SET user_id = g.user_id, project_id = g.project_id FROM gone AS g WHERE m.session_id = g.session_id;
