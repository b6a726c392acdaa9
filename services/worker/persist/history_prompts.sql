-- name: sessions
-- The index messages_of_history has only these messages.
SELECT DISTINCT m.session_id FROM session_facts AS f JOIN messages AS m ON m.session_id = f.session_id AND m.source = 'history.jsonl'
WHERE f.id = ANY(%(fact_ids)s) AND f.source = 'transcript' ORDER BY 1
