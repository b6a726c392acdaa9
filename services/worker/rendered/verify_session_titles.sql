-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT session_id, title, title_source
    FROM (
        SELECT * FROM (
            SELECT session_id, title, title_source FROM sessions
        ) AS sessions
        WHERE session_id NOT IN (SELECT session_id FROM dropping_sessions)
    ) AS cells
),
expected AS (
    SELECT session_id, title, title_source
    FROM (
        SELECT * FROM (
            
                SELECT s.session_id, t.title, t.source AS title_source
                FROM sessions AS s LEFT JOIN LATERAL session_title(s.session_id) AS t ON true
        ) AS sessions
        WHERE session_id NOT IN (SELECT session_id FROM dropping_sessions)
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
