-- Composed by services.worker.sessions.tool_maxima. Do not edit: `make render-sql` writes this file.

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
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
)
FROM (SELECT project_id AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 1440) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 1440, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM users) AS e, LATERAL (
        SELECT * FROM tool_rollups AS c
        WHERE c.project_id = r.project_id AND c.user_id = e.id AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
          AND c.tool_name = r.tool_name) AS c
)
FROM (SELECT project_id AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 1440) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 1440, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM projects) AS e, LATERAL (
        SELECT * FROM tool_rollups AS c
        WHERE c.project_id = e.id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
          AND c.tool_name = r.tool_name) AS c
)
FROM (SELECT -1 AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 1440) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 1440, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM (SELECT 0 AS id UNION ALL SELECT id FROM users) AS e, LATERAL (
        SELECT * FROM tool_rollups AS c
        WHERE c.project_id = -1 AND c.user_id = e.id AND c.grain_minutes = 1440 AND c.bucket_start = r.bucket_start
          AND c.tool_name = r.tool_name) AS c
)
FROM (SELECT -1 AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 1440) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 1440, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
      AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'
)
FROM (SELECT project_id AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 10080) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 10080, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
      AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'
)
FROM (SELECT project_id AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 10080) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 10080, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
      AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'
)
FROM (SELECT -1 AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 10080) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 10080, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 1440 AND c.tool_name = r.tool_name
      AND c.bucket_start BETWEEN r.bucket_start AND r.bucket_start + interval '6 days'
)
FROM (SELECT -1 AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 10080) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 10080, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name
)
FROM (SELECT project_id AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 0) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 0, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name
)
FROM (SELECT project_id AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 0) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 0, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name
)
FROM (SELECT -1 AS project_id, user_id AS user_id, tool_name, bucket_of(occurred_at, 0) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 0, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);

UPDATE tool_rollups AS r SET (max_ms, max_measured_ms, last_used_at) = (
    SELECT max(c.max_ms), max(c.max_measured_ms), max(c.last_used_at) FROM tool_rollups AS c
    WHERE c.project_id = r.project_id AND c.user_id = r.user_id AND c.grain_minutes = 10080 AND c.tool_name = r.tool_name
)
FROM (SELECT -1 AS project_id, -1 AS user_id, tool_name, bucket_of(occurred_at, 0) AS bucket_start,
             max(duration_ms) AS max_ms, max(duration_ms) FILTER (WHERE duration_source = 'reported') AS max_measured_ms,
             max(occurred_at) AS last_used_at
      FROM moving_tools GROUP BY 1, 2, 3, 4) AS m
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (m.project_id, m.user_id, 0, m.bucket_start, m.tool_name)
  AND (r.max_ms <= m.max_ms OR r.max_measured_ms <= m.max_measured_ms OR r.last_used_at <= m.last_used_at);
