-- name: keep_slower
-- moving_tools has the calls that are withdrawn.
INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
SELECT t.project_id, t.user_id, t.tool_name, t.occurred_at, t.duration_ms, t.duration_source
FROM staged_tool_calls AS s JOIN tool_calls AS t USING (id)
WHERE t.duration_ms > coalesce(s.duration_ms, -1)
   OR (t.duration_ms IS NOT NULL AND t.duration_source = 'reported' AND s.duration_source IS DISTINCT FROM 'reported')

-- name: look_up
UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    $found
)
FROM (SELECT $project AS project_id, $user AS user_id, tool_name, bucket_of(occurred_at, $grain) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, $grain, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at)

-- name: in_rows
SELECT max(max_ms), max(max_measured_ms), max(last_used_at)
FROM (
    SELECT max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms, max(occurred_at) AS last_used_at
    FROM tool_calls AS t
    WHERE t.project_id = r.project_id AND t.user_id = r.user_id AND t.tool_name = r.tool_name
      AND t.occurred_at BETWEEN r.bucket_start AND r.bucket_start + interval '1 day' - interval '1 microsecond'
    UNION ALL
    SELECT max_ms, max_measured_ms, last_used_at FROM base_tool_rollups AS b
    WHERE (b.project_id, b.user_id, b.tool_name, b.bucket_start) = (r.project_id, r.user_id, r.tool_name, r.bucket_start)
) AS calls

-- name: in_cells_of_each
-- One project or user after the other: the index begins with projects, then users.
SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM $each) AS e, LATERAL (
    SELECT * FROM tool_rollups AS c
    WHERE c.project_id = $project AND c.user_id = $user AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
      AND c.tool_name = r.tool_name) AS c

-- name: in_days
SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
  AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'

-- name: in_weeks
SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name
