-- Composed by services.worker.maintenance.verify. Do not edit: `make render-sql` writes this file.

WITH stored AS (
    SELECT project_id, grain_minutes, bucket_start, chunk, bits
    FROM (
        SELECT * FROM file_sets WHERE bit_count(bits) > 0
    ) AS cells
),
expected AS (
    SELECT project_id, grain_minutes, bucket_start, chunk, bits
    FROM (
        SELECT c.project_id, c.grain_minutes, c.bucket_start, f.number / 4096 AS chunk,
               bit_xor(set_bit(0::bit(4096), mod(f.number, 4096)::integer, 1)) AS bits
        FROM (
            WITH new_activities AS NOT MATERIALIZED (
                SELECT session_id, project_id, user_id, occurred_at, file_key, lines_added, lines_removed
                FROM activities
            ),
            new_base_file_rollups AS NOT MATERIALIZED (
                SELECT *
                FROM base_file_rollups
            ),
            file_rollups_deltas AS (
                SELECT project_id, bucket_start, file_key,
                       sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
                FROM (
                    SELECT
                        project_id, bucket_of(occurred_at, 15) AS bucket_start, file_key, 1 AS touches, lines_added, lines_removed
                    FROM new_activities
                    UNION ALL
                    SELECT
                        project_id, bucket_of(bucket_start, 15) AS bucket_start, file_key, touches, lines_added, lines_removed
                    FROM new_base_file_rollups
                ) AS contributions
                GROUP BY 1, 2, 3
            )
            SELECT project_id, grain_minutes, bucket_start, file_key,
                   sum(touches)::bigint AS touches, sum(lines_added)::bigint AS lines_added, sum(lines_removed)::bigint AS lines_removed
            FROM (
                SELECT k.project_id, k.grain_minutes, bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start, file_key,
                       touches, lines_added, lines_removed
                FROM file_rollups_deltas AS d,
                     LATERAL (VALUES
                         (d.project_id, 0), (d.project_id, 15), (d.project_id, 60), (d.project_id, 1440), (d.project_id, 10080),
                         (-1, 1440), (-1, 10080)
                     ) AS k (project_id, grain_minutes)
            ) AS cells
            GROUP BY 1, 2, 3, 4
        ) AS c JOIN files AS f USING (file_key)
        WHERE c.touches > 0 AND c.grain_minutes IN (1440, 10080)
        GROUP BY 1, 2, 3, 4
    ) AS cells
)
SELECT count(*) FROM (
    (SELECT * FROM stored EXCEPT ALL SELECT * FROM expected)
    UNION ALL
    (SELECT * FROM expected EXCEPT ALL SELECT * FROM stored)
) AS different;
