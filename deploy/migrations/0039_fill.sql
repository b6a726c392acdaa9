-- The titles of the sessions that are stored, in a transaction of their own: reads go on meanwhile, and new events wait in the journal.

SET LOCAL statement_timeout = '1h';
-- Safe while running: it keeps out workers alone, whose events stay in the journal. Ingest goes on starting sessions, which have no title yet.
LOCK TABLE messages, timeline_entries, session_facts IN EXCLUSIVE MODE;

-- A transcript says of a command whether Claude saw it; the release before did not keep that. Claude's answer, or what came of it instead, follows
-- such a command at once. The output of others does, or nothing.
UPDATE timeline_entries AS e SET details = '{"type":"prompt"}'
WHERE e.kind = 'command' AND e.details IS NULL AND (
    SELECT next.kind IN ('assistant', 'interruption', 'api_error')
    FROM (
        (SELECT m.role AS kind, m.occurred_at FROM messages AS m
         WHERE m.session_id = e.session_id AND m.occurred_at >= e.occurred_at AND m.agent_id IS NULL
         ORDER BY m.occurred_at, m.id LIMIT 1)
        UNION ALL
        (SELECT o.kind, o.occurred_at FROM timeline_entries AS o
         WHERE o.session_id = e.session_id AND o.occurred_at >= e.occurred_at AND o.id <> e.id AND o.agent_id IS NULL
           AND o.kind NOT IN ('thinking', 'notice')
         ORDER BY o.occurred_at, o.kind = 'api_error', o.id LIMIT 1)
    ) AS next
    ORDER BY next.occurred_at, next.kind IN ('assistant', 'interruption', 'api_error') LIMIT 1);

UPDATE sessions AS s SET title = n.title, title_source = n.source
FROM sessions AS o LEFT JOIN LATERAL session_title(o.session_id) AS n ON true
WHERE s.session_id = o.session_id AND (s.title, s.title_source) IS DISTINCT FROM (n.title, n.source);
