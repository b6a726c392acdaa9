-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT session_id, project_id
    FROM (
        SELECT s.session_id, s.project_id FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
        WHERE s.counted AND p.rekey_requested_at IS NULL
    ) AS cells
),
expected AS (
    SELECT session_id, project_id
    FROM (
        SELECT s.session_id, coalesce(p.merged_into, p.id) AS project_id
        FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
        WHERE s.counted AND p.rekey_requested_at IS NULL
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
