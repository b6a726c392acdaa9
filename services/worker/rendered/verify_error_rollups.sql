-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls
    FROM (
        SELECT * FROM error_rollups
    ) AS cells
    WHERE (calls)
       <> (0)
),
expected AS (
    SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls
    FROM (
        WITH new_tool_calls AS NOT MATERIALIZED (
            SELECT session_id, project_id, user_id, occurred_at, tool_name, status, duration_ms, duration_source, wait_ms, error_class
            FROM tool_calls
        ),
        new_base_error_rollups AS NOT MATERIALIZED (
            SELECT *
            FROM base_error_rollups
        ),
        error_rollups_deltas AS (
            SELECT project_id, user_id, bucket_start, tool_name, error_class,
                   sum(calls)::bigint AS calls
            FROM (
                SELECT
                    project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, coalesce(error_class, '') AS error_class,
                    1 AS calls
                FROM new_tool_calls
                WHERE status NOT IN ('success', 'pending')
                UNION ALL
                SELECT
                    project_id, user_id, bucket_of(bucket_start, 1440) AS bucket_start, tool_name, error_class, calls
                FROM new_base_error_rollups
            ) AS contributions
            GROUP BY 1, 2, 3, 4, 5
        )
        SELECT project_id, user_id, grain_minutes, bucket_start, tool_name, error_class,
               sum(calls)::bigint AS calls
        FROM (
            SELECT k.project_id, k.user_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, tool_name, error_class,
                   calls
            FROM error_rollups_deltas AS d,
                 LATERAL (VALUES
                     (d.project_id, d.user_id, 0), (d.project_id, d.user_id, 1440), (d.project_id, d.user_id, 10080),
                     (d.project_id, -1, 0), (d.project_id, -1, 1440), (d.project_id, -1, 10080),
                     (-1, d.user_id, 0), (-1, d.user_id, 1440), (-1, d.user_id, 10080),
                     (-1, -1, 0), (-1, -1, 1440), (-1, -1, 10080)
                 ) AS k (project_id, user_id, grain_minutes)
        ) AS cells
        GROUP BY 1, 2, 3, 4, 5, 6
    ) AS cells
    WHERE (calls)
       <> (0)
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
