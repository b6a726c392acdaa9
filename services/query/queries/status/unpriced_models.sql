-- name: unpriced
-- From the cells of all time. What has no tokens costs nothing, as messages that Claude Code itself made.
SELECT model, unpriced_calls AS api_calls
FROM usage_rollups
WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0) AND unpriced_calls > 0 AND model <> ''
  AND input_tokens + output_tokens + cache_creation_tokens + cache_read_tokens > 0
ORDER BY unpriced_calls DESC, model LIMIT %(most)s
