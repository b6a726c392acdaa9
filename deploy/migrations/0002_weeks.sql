-- A week as a grain, and vectors of counters in one number: what a question about a long range is answered from (docs/adr/0008).
--
-- Vectors
--   A numeric that holds a counter at every so many decimal digits: sum(numeric) then adds all counters at once, in any order, and takes away
--   what is withdrawn. `placed` makes one; services/query/queries/stats/packed_counters.py reads them.
-- Grain
--   10080, a week from Monday 00:00 UTC. In activity_rollups and tool_rollups.

-- Nothing is written between what is read here and the new cells. Workers of the release before fail at the table dropped below, and try again.
LOCK TABLE sessions, tool_calls, activities IN SHARE ROW EXCLUSIVE MODE;
SET LOCAL statement_timeout = 0;
SET LOCAL work_mem = '128MB';
SET LOCAL jit = off;

-- As before for 15, 60 and 1440; the origin is a Monday now, so that weeks begin there.
CREATE OR REPLACE FUNCTION bucket_of(t timestamptz, grain_minutes integer) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN grain_minutes = 0 THEN '-infinity'::timestamptz
                ELSE date_bin(make_interval(mins => grain_minutes), t, '2000-01-03 00:00:00+00'::timestamptz) END;

-- n × 10^(digits × place).
CREATE FUNCTION placed(n bigint, place integer, digits integer) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN n * ('1e' || (place * digits)::text)::numeric;

-- 0 is Monday 00:00 UTC, 671 Sunday 23:45. Null for what has no date.
CREATE FUNCTION quarter_of_week(t timestamptz) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN t > '-infinity' THEN floor(extract(epoch FROM t - bucket_of(t, 10080)) / 900)::integer END;

-- Tools: every key of the cube, weeks, and the times as a histogram in the row itself -----------------------------------

ALTER TABLE tool_rollups
    ADD COLUMN times             numeric NOT NULL DEFAULT 0,  -- timed calls by latency_bucket: 8 digits each, bucket -1 first
    ADD COLUMN calls_by_quarter  numeric NOT NULL DEFAULT 0,  -- grain 10080 only: by quarter_of_week, 8 digits each
    ADD COLUMN errors_by_quarter numeric NOT NULL DEFAULT 0;
-- Mostly zeros: kept small in the row.
ALTER TABLE tool_rollups ALTER COLUMN times SET STORAGE MAIN, ALTER COLUMN calls_by_quarter SET STORAGE MAIN,
    ALTER COLUMN errors_by_quarter SET STORAGE MAIN;
ALTER TABLE tool_rollups SET (toast_tuple_target = 128);
COMMENT ON TABLE tool_rollups IS 'full cube of (project or -1, user or -1); grains 0, 1440, 10080; finer is read from tool_calls';

CREATE TEMPORARY TABLE tool_days ON COMMIT DROP AS
    SELECT project_id, user_id, bucket_start, tool_name, sum(calls) AS calls, sum(success) AS success, sum(errors) AS errors, sum(rejected) AS rejected,
           sum(timed_calls) AS timed_calls, sum(duration_ms) AS duration_ms, max(max_ms) AS max_ms, max(last_used_at) AS last_used_at,
           coalesce(sum(placed(timed_calls, latency_bucket + 1, 8)), 0) AS times
    FROM (SELECT project_id, user_id, bucket_of(occurred_at, 1440) AS bucket_start, tool_name, latency_bucket(duration_ms) AS latency_bucket,
                 count(*) AS calls, count(*) FILTER (WHERE status = 'success') AS success,
                 count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors, count(*) FILTER (WHERE status = 'rejected') AS rejected,
                 count(duration_ms) AS timed_calls, coalesce(sum(duration_ms), 0) AS duration_ms, max(duration_ms) AS max_ms, max(occurred_at) AS last_used_at
          FROM tool_calls GROUP BY 1, 2, 3, 4, 5) AS by_time
    GROUP BY 1, 2, 3, 4;

TRUNCATE tool_rollups;
-- Each from the one before it that holds its cells, the fewest rows first.
INSERT INTO tool_rollups SELECT project_id, user_id, 1440, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms, max_ms, last_used_at, times
    FROM tool_days ORDER BY 4, 1, 2;
INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
                          max_ms, last_used_at, times)
    SELECT coalesce(project_id, -1), coalesce(user_id, -1), 1440, bucket_start, tool_name, sum(calls), sum(success), sum(errors), sum(rejected),
           sum(timed_calls), sum(duration_ms), max(max_ms), max(last_used_at), sum(times)
    FROM tool_days GROUP BY bucket_start, tool_name, GROUPING SETS ((project_id), (user_id), ()) ORDER BY 4, 1, 2;
INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
                          max_ms, last_used_at, times)
    SELECT project_id, user_id, 10080, bucket_of(bucket_start, 10080), tool_name, sum(calls), sum(success), sum(errors), sum(rejected),
           sum(timed_calls), sum(duration_ms), max(max_ms), max(last_used_at), sum(times)
    FROM tool_rollups WHERE grain_minutes = 1440 GROUP BY 1, 2, 4, 5 ORDER BY 4, 1, 2;
INSERT INTO tool_rollups (project_id, user_id, grain_minutes, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms,
                          max_ms, last_used_at, times)
    SELECT project_id, user_id, 0, '-infinity', tool_name, sum(calls), sum(success), sum(errors), sum(rejected),
           sum(timed_calls), sum(duration_ms), max(max_ms), max(last_used_at), sum(times)
    FROM tool_rollups WHERE grain_minutes = 10080 GROUP BY 1, 2, 5 ORDER BY 1, 2;
UPDATE tool_rollups AS r SET calls_by_quarter = q.calls, errors_by_quarter = q.errors
FROM (
    SELECT coalesce(project_id, -1) AS project_id, coalesce(user_id, -1) AS user_id, bucket_of(bucket_start, 10080) AS bucket_start, tool_name,
           sum(placed(calls, quarter_of_week(bucket_start), 8)) AS calls, sum(placed(errors, quarter_of_week(bucket_start), 8)) AS errors
    FROM (SELECT project_id, user_id, bucket_of(occurred_at, 15) AS bucket_start, tool_name, count(*) AS calls,
                 count(*) FILTER (WHERE status IN ('error', 'timeout')) AS errors
          FROM tool_calls WHERE occurred_at > '-infinity' GROUP BY 1, 2, 3, 4) AS quarters
    GROUP BY 3, 4, GROUPING SETS ((project_id, user_id), (project_id), (user_id), ())
) AS q
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start, r.tool_name) = (q.project_id, q.user_id, 10080, q.bucket_start, q.tool_name);

DROP TABLE latency_rollups;

-- Activity: weeks ------------------------------------------------------------------------------------------------------

ALTER TABLE activity_rollups ADD COLUMN active_by_quarter numeric NOT NULL DEFAULT 0;  -- grain 10080 only: active_us by quarter_of_week, 16 digits each
ALTER TABLE activity_rollups ALTER COLUMN active_by_quarter SET STORAGE MAIN;
ALTER TABLE activity_rollups SET (toast_tuple_target = 256);
INSERT INTO activity_rollups (project_id, user_id, grain_minutes, bucket_start, sessions, wall_us, active_us, user_messages, assistant_messages, lines_added,
                              lines_removed, tool_calls, tool_errors, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd)
    SELECT project_id, user_id, 10080, bucket_of(bucket_start, 10080), sum(sessions), sum(wall_us), sum(active_us), sum(user_messages), sum(assistant_messages),
           sum(lines_added), sum(lines_removed), sum(tool_calls), sum(tool_errors), sum(input_tokens), sum(output_tokens), sum(cache_creation_tokens),
           sum(cache_read_tokens), sum(cost_nano_usd)
    FROM activity_rollups WHERE grain_minutes = 1440 GROUP BY 1, 2, 4 ORDER BY 4, 1, 2;

UPDATE activity_rollups AS r SET files_modified = f.files
FROM (SELECT k.project_id, bucket_start, count(*) AS files
      FROM (SELECT DISTINCT project_id, bucket_of(bucket_start, 10080) AS bucket_start, file_key FROM file_rollups WHERE grain_minutes = 1440 AND touches > 0) AS d,
           LATERAL (VALUES (d.project_id), (-1)) AS k (project_id)
      GROUP BY 1, 2) AS f
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start) = (f.project_id, -1, 10080, f.bucket_start);

UPDATE activity_rollups AS r SET active_by_quarter = q.active
FROM (SELECT project_id, user_id, bucket_of(bucket_start, 10080) AS bucket_start, sum(placed(active_us, quarter_of_week(bucket_start), 16)) AS active
      FROM activity_rollups WHERE grain_minutes = 15 AND active_us <> 0 AND bucket_start > '-infinity' GROUP BY 1, 2, 3) AS q
WHERE (r.project_id, r.user_id, r.grain_minutes, r.bucket_start) = (q.project_id, q.user_id, 10080, q.bucket_start);

-- Files: weeks, all projects together, and sets of files as bits --------------------------------------------------------

-- Its bit in file_sets. Given once; numbers that an aborted insert used up leave a hole, which is harmless.
ALTER TABLE files ADD COLUMN number bigint NOT NULL GENERATED ALWAYS AS IDENTITY;

COMMENT ON TABLE file_rollups IS 'of a project: grains 0, 15, 60, 1440, 10080; of all (-1), a file in several projects being one: 1440 and 10080';
INSERT INTO file_rollups SELECT project_id, 10080, bucket_of(bucket_start, 10080), file_key, sum(touches), sum(lines_added), sum(lines_removed)
    FROM file_rollups WHERE grain_minutes = 1440 GROUP BY 1, 3, 4 ORDER BY 3, 1;
INSERT INTO file_rollups SELECT -1, grain_minutes, bucket_start, file_key, sum(touches), sum(lines_added), sum(lines_removed)
    FROM file_rollups WHERE grain_minutes IN (1440, 10080) GROUP BY 2, 3, 4 ORDER BY 2, 3;
-- The weeks and days of one file, for the files that may be the most touched of a long range.
CREATE INDEX file_rollups_by_file ON file_rollups (file_key, project_id, grain_minutes, bucket_start)
    INCLUDE (touches, lines_added, lines_removed)
    WHERE grain_minutes IN (1440, 10080) AND project_id <> -1;
DROP INDEX file_rollups_by_time;
CREATE INDEX file_rollups_by_time ON file_rollups (grain_minutes, bucket_start) INCLUDE (project_id, file_key, touches, lines_added, lines_removed)
    WHERE grain_minutes > 0 AND project_id <> -1;

CREATE TABLE file_sets (                    -- which files were touched: those of file_rollups whose touches are not 0; grains 1440 and 10080
    project_id    bigint NOT NULL,             -- a project, 0, or -1: all together
    grain_minutes smallint NOT NULL,
    bucket_start  timestamptz NOT NULL,
    chunk         bigint NOT NULL,             -- files.number / 4096
    bits          bit(4096) NOT NULL,          -- bit files.number % 4096. Moves by XOR with what came to be touched or no longer is
    PRIMARY KEY (project_id, grain_minutes, bucket_start, chunk)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
INSERT INTO file_sets SELECT project_id, grain_minutes, bucket_start, number / 4096, bit_or(set_bit(0::bit(4096), (number % 4096)::integer, 1))
    FROM file_rollups JOIN files USING (file_key) WHERE grain_minutes IN (1440, 10080) AND touches > 0 GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 2, 4;

-- Lists ----------------------------------------------------------------------------------------------------------------

-- One kind of activity is found without walking over the others.
CREATE INDEX activities_by_action ON activities (action, occurred_at DESC, id DESC);
