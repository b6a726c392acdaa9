-- Composed by services.worker.maintenance.scrub.scrub_names. Do not edit: `make render-sql` writes this file.

UPDATE tool_calls SET tool_name = %(new)s WHERE tool_name = %(old)s;

INSERT INTO tool_rollups (
    project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
    measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times,
    calls_by_quarter, errors_by_quarter)
SELECT
    project_id, user_id, grain_minutes, bucket_start, %(new)s::text AS tool_name, calls, success, errors, rejected,
    timed_calls, duration_ms, measured_calls, measured_ms, waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at,
    times, measured_times, calls_by_quarter, errors_by_quarter
FROM tool_rollups WHERE tool_name = %(old)s
ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name) DO UPDATE SET
    calls = tool_rollups.calls + excluded.calls, success = tool_rollups.success + excluded.success,
    errors = tool_rollups.errors + excluded.errors, rejected = tool_rollups.rejected + excluded.rejected,
    timed_calls = tool_rollups.timed_calls + excluded.timed_calls,
    duration_ms = tool_rollups.duration_ms + excluded.duration_ms,
    measured_calls = tool_rollups.measured_calls + excluded.measured_calls,
    measured_ms = tool_rollups.measured_ms + excluded.measured_ms,
    waited_calls = tool_rollups.waited_calls + excluded.waited_calls,
    waited_ms = tool_rollups.waited_ms + excluded.waited_ms, max_ms = greatest(tool_rollups.max_ms, excluded.max_ms),
    max_measured_ms = greatest(tool_rollups.max_measured_ms, excluded.max_measured_ms),
    last_used_at = greatest(tool_rollups.last_used_at, excluded.last_used_at), times = tool_rollups.times + excluded.times,
    measured_times = tool_rollups.measured_times + excluded.measured_times,
    calls_by_quarter = tool_rollups.calls_by_quarter + excluded.calls_by_quarter,
    errors_by_quarter = tool_rollups.errors_by_quarter + excluded.errors_by_quarter;

DELETE FROM tool_rollups WHERE tool_name = %(old)s;

UPDATE base_tool_rollups SET tool_name = %(new)s WHERE tool_name = %(old)s;

INSERT INTO error_rollups (
    project_id, user_id, grain_minutes, bucket_start, tool_name, error_class, calls)
SELECT
    project_id, user_id, grain_minutes, bucket_start, %(new)s::text AS tool_name, error_class, calls
FROM error_rollups WHERE tool_name = %(old)s
ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class) DO UPDATE SET
    calls = error_rollups.calls + excluded.calls;

DELETE FROM error_rollups WHERE tool_name = %(old)s;

UPDATE base_error_rollups SET tool_name = %(new)s WHERE tool_name = %(old)s;

UPDATE api_calls SET model = %(new)s WHERE model = %(old)s;

UPDATE sessions SET model = %(new)s WHERE model = %(old)s;

INSERT INTO usage_rollups (
    project_id, user_id, grain_minutes, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens,
    cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd)
SELECT
    project_id, user_id, grain_minutes, bucket_start, %(new)s::text AS model, input_tokens, output_tokens,
    cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls,
    uncached_nano_usd, cache_saved_nano_usd
FROM usage_rollups WHERE model = %(old)s
ON CONFLICT (project_id, user_id, grain_minutes, bucket_start, model) DO UPDATE SET
    input_tokens = usage_rollups.input_tokens + excluded.input_tokens,
    output_tokens = usage_rollups.output_tokens + excluded.output_tokens,
    cache_creation_tokens = usage_rollups.cache_creation_tokens + excluded.cache_creation_tokens,
    cache_read_tokens = usage_rollups.cache_read_tokens + excluded.cache_read_tokens,
    cost_nano_usd = usage_rollups.cost_nano_usd + excluded.cost_nano_usd,
    api_calls = usage_rollups.api_calls + excluded.api_calls,
    unpriced_calls = usage_rollups.unpriced_calls + excluded.unpriced_calls,
    cache_priced_calls = usage_rollups.cache_priced_calls + excluded.cache_priced_calls,
    uncached_nano_usd = usage_rollups.uncached_nano_usd + excluded.uncached_nano_usd,
    cache_saved_nano_usd = usage_rollups.cache_saved_nano_usd + excluded.cache_saved_nano_usd;

DELETE FROM usage_rollups WHERE model = %(old)s;

UPDATE base_usage_rollups SET model = %(new)s WHERE model = %(old)s;
