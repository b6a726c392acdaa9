-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT session_id, project_id
    FROM (
        SELECT s.session_id, s.project_id FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
        WHERE s.counted AND p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_file_rollups', b.project_id FROM base_file_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_tool_rollups', b.project_id FROM base_tool_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_error_rollups', b.project_id FROM base_error_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_usage_rollups', b.project_id FROM base_usage_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_activity_rollups', b.project_id FROM base_activity_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_sessions', b.project_id FROM base_sessions AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
    ) AS cells
),
expected AS (
    SELECT session_id, project_id
    FROM (
        SELECT s.session_id, coalesce(p.merged_into, p.id) AS project_id
        FROM sessions AS s JOIN projects AS p ON p.id = coalesce(s.path_project_id, s.project_id)
        WHERE s.counted AND p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_file_rollups', coalesce(p.merged_into, p.id) FROM base_file_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_tool_rollups', coalesce(p.merged_into, p.id) FROM base_tool_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_error_rollups', coalesce(p.merged_into, p.id) FROM base_error_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_usage_rollups', coalesce(p.merged_into, p.id) FROM base_usage_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_activity_rollups', coalesce(p.merged_into, p.id) FROM base_activity_rollups AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
        UNION ALL
        SELECT 'base_sessions', coalesce(p.merged_into, p.id) FROM base_sessions AS b JOIN projects AS p ON p.id = coalesce(b.path_project_id, b.project_id)
        WHERE p.rekey_requested_at IS NULL
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
