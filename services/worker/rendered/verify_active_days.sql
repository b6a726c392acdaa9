-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, user_id, day, ranges
    FROM (
        SELECT * FROM active_days WHERE NOT isempty(ranges)
    ) AS cells
),
expected AS (
    SELECT project_id, user_id, day, ranges
    FROM (
        SELECT k.project_id, s.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date AS day, range_agg(c.piece) AS ranges
        FROM (
            SELECT project_id, user_id, active_ranges FROM sessions WHERE counted
            UNION ALL
            SELECT project_id, user_id, active_ranges FROM base_sessions
        ) AS s, cut_at_buckets(without_gap(s.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (s.project_id), (-1)) AS k (project_id)
        GROUP BY 1, 2, 3
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
