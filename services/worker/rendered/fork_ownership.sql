-- Composed by services.worker.sessions.fork_ownership. Do not edit: `make render-sql` writes this file.

SELECT t.session_id FROM staged_messages AS s JOIN messages AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id
UNION
SELECT t.session_id FROM staged_tool_calls AS s JOIN tool_calls AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id
UNION
SELECT t.session_id FROM staged_activities AS s JOIN activities AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id
UNION
SELECT t.session_id FROM staged_api_calls AS s JOIN api_calls AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id
UNION
SELECT t.session_id FROM staged_timeline_entries AS s JOIN timeline_entries AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id;

SELECT t.session_id, s.session_id AS owner, t.id FROM staged_messages AS s JOIN messages AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))
UNION
SELECT t.session_id, s.session_id AS owner, t.id FROM staged_tool_calls AS s JOIN tool_calls AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))
UNION
SELECT t.session_id, s.session_id AS owner, t.id FROM staged_activities AS s JOIN activities AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))
UNION
SELECT t.session_id, s.session_id AS owner, t.id FROM staged_api_calls AS s JOIN api_calls AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))
UNION
SELECT t.session_id, s.session_id AS owner, t.id FROM staged_timeline_entries AS s JOIN timeline_entries AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at));
