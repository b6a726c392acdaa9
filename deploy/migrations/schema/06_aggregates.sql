-- Aggregates: what was computed from rows and sessions.
--
-- grain_minutes: 15, 60, 1440 (a UTC day), 10080 (a week from Monday 00:00 UTC), or 0 for all time, whose bucket_start is always '-infinity'.
-- A bucket_start of '-infinity' in another grain holds what has no date.
-- Sums that a bigint might not hold are numeric (docs/adr/0027): nothing that gets in can make adding fail.

-- By project and user, in all grains.
CREATE TABLE activity_rollups (
    project_id            bigint NOT NULL,      -- a project, 0 not known, -1 all
    user_id               bigint NOT NULL,      -- a user, 0 not known, -1 all
    grain_minutes         smallint NOT NULL,
    bucket_start          timestamptz NOT NULL,
    sessions              bigint NOT NULL DEFAULT 0,  -- by dated_at
    wall_us               numeric NOT NULL DEFAULT 0,  -- whole wall time of the sessions, by dated_at
    active_us             numeric NOT NULL DEFAULT 0,  -- of persons: the union over a user's sessions, split at the bucket's edges
    user_messages         bigint NOT NULL DEFAULT 0,
    assistant_messages    bigint NOT NULL DEFAULT 0,
    files_modified        bigint NOT NULL DEFAULT 0,  -- distinct files in the bucket; only where user_id = -1
    lines_added           bigint NOT NULL DEFAULT 0,
    lines_removed         bigint NOT NULL DEFAULT 0,
    tool_calls            bigint NOT NULL DEFAULT 0,
    tool_errors           bigint NOT NULL DEFAULT 0,
    input_tokens          bigint NOT NULL DEFAULT 0,
    output_tokens         bigint NOT NULL DEFAULT 0,
    cache_creation_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens     bigint NOT NULL DEFAULT 0,
    cost_nano_usd         numeric NOT NULL DEFAULT 0,
    active_by_quarter     numeric NOT NULL DEFAULT 0,  -- grain 10080 only: active_us by quarter_of_week, 16 digits each
    api_calls             bigint NOT NULL DEFAULT 0,
    -- API calls of models whose price is not known: the cost is of the others.
    unpriced_calls        bigint NOT NULL DEFAULT 0,
    cache_priced_calls    bigint NOT NULL DEFAULT 0,
    uncached_nano_usd     numeric NOT NULL DEFAULT 0,
    cache_saved_nano_usd  numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, grain_minutes, bucket_start)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, toast_tuple_target = 256);

-- By tool. Keys: the full cube of (project or -1, user or -1); grains 0, 1440 and 10080. Finer is read from tool_calls.
CREATE TABLE tool_rollups (
    project_id        bigint NOT NULL,
    user_id           bigint NOT NULL,
    grain_minutes     smallint NOT NULL,
    bucket_start      timestamptz NOT NULL,
    tool_name         text NOT NULL,
    calls             bigint NOT NULL DEFAULT 0,
    success           bigint NOT NULL DEFAULT 0,
    errors            bigint NOT NULL DEFAULT 0,  -- status error or timeout
    rejected          bigint NOT NULL DEFAULT 0,
    timed_calls       bigint NOT NULL DEFAULT 0,
    duration_ms       bigint NOT NULL DEFAULT 0,  -- sum over timed_calls
    max_ms            bigint,
    last_used_at      timestamptz,
    times             numeric NOT NULL DEFAULT 0,  -- timed calls by latency_bucket: 8 digits each, bucket -1 first
    calls_by_quarter  numeric NOT NULL DEFAULT 0,  -- grain 10080 only: by quarter_of_week, 8 digits each
    errors_by_quarter numeric NOT NULL DEFAULT 0,
    -- As timed_calls, duration_ms, max_ms and times, of the calls whose duration was measured.
    measured_calls    bigint NOT NULL DEFAULT 0,
    measured_ms       bigint NOT NULL DEFAULT 0,
    max_measured_ms   bigint,
    measured_times    numeric NOT NULL DEFAULT 0,
    -- Time that calls waited before they ran, and how many say so.
    waited_calls      bigint NOT NULL DEFAULT 0,
    waited_ms         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, grain_minutes, bucket_start, tool_name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, toast_tuple_target = 128);

-- Failed tool calls by class.
CREATE TABLE error_rollups (
    project_id    bigint NOT NULL,              -- a project, 0 not known, -1 all
    user_id       bigint NOT NULL,              -- a user, 0 not known, -1 all
    grain_minutes smallint NOT NULL,
    bucket_start  timestamptz NOT NULL,
    tool_name     text NOT NULL,
    error_class   text NOT NULL,                -- '': nothing says why
    calls         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- By model. Keys (project, user) and (-1, -1); grains as tool_rollups. Finer is read from api_calls.
CREATE TABLE usage_rollups (
    project_id            bigint NOT NULL,
    user_id               bigint NOT NULL,
    grain_minutes         smallint NOT NULL,
    bucket_start          timestamptz NOT NULL,
    model                 text NOT NULL,        -- '': not known
    api_calls             bigint NOT NULL DEFAULT 0,
    unpriced_calls        bigint NOT NULL DEFAULT 0,
    input_tokens          bigint NOT NULL DEFAULT 0,
    output_tokens         bigint NOT NULL DEFAULT 0,
    cache_creation_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens     bigint NOT NULL DEFAULT 0,
    cost_nano_usd         numeric NOT NULL DEFAULT 0,
    cache_priced_calls    bigint NOT NULL DEFAULT 0,
    uncached_nano_usd     numeric NOT NULL DEFAULT 0,
    cache_saved_nano_usd  numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, grain_minutes, bucket_start, model)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- By file. Of a project: all grains; of all (-1), a file in several projects being one: 1440 and 10080.
CREATE TABLE file_rollups (
    project_id    bigint NOT NULL,
    grain_minutes smallint NOT NULL,
    bucket_start  timestamptz NOT NULL,
    file_key      uuid NOT NULL,
    touches       bigint NOT NULL DEFAULT 0,
    lines_added   bigint NOT NULL DEFAULT 0,
    lines_removed bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, grain_minutes, bucket_start, file_key)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
-- The weeks and days of one file, for the files that may be the most touched of a long range.
CREATE INDEX file_rollups_by_file ON file_rollups (file_key, project_id, grain_minutes, bucket_start)
    INCLUDE (touches, lines_added, lines_removed)
    WHERE grain_minutes IN (1440, 10080) AND project_id <> -1;
CREATE INDEX file_rollups_by_time ON file_rollups (grain_minutes, bucket_start) INCLUDE (project_id, file_key, touches, lines_added, lines_removed)
    WHERE grain_minutes > 0 AND project_id <> -1;
CREATE INDEX file_rollups_top ON file_rollups (touches DESC) WHERE grain_minutes = 0;
CREATE INDEX file_rollups_top_of_project ON file_rollups (project_id, touches DESC) WHERE grain_minutes = 0;

-- Which files were touched: those of file_rollups whose touches are not 0; grains 1440 and 10080
CREATE TABLE file_sets (
    project_id    bigint NOT NULL,              -- a project, 0, or -1: all together
    grain_minutes smallint NOT NULL,
    bucket_start  timestamptz NOT NULL,
    chunk         bigint NOT NULL,              -- files.number / 4096
    bits          bit(4096) NOT NULL,           -- bit files.number % 4096. Moves by XOR with what came to be touched or no longer is
    PRIMARY KEY (project_id, grain_minutes, bucket_start, chunk)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

-- Files that a session changed, each once.
CREATE TABLE session_files (
    session_id text NOT NULL,
    file_key   uuid NOT NULL,
    PRIMARY KEY (session_id, file_key)
);

-- The union over a user's sessions of their active time, cut at UTC midnights
CREATE TABLE active_days (
    project_id bigint NOT NULL,                 -- a project, 0, or -1: in all projects together
    user_id    bigint NOT NULL,
    day        date NOT NULL,
    ranges     tstzmultirange NOT NULL,
    PRIMARY KEY (project_id, user_id, day)
) WITH (fillfactor = 70);

COMMENT ON TABLE tool_rollups IS 'full cube of (project or -1, user or -1); grains 0, 1440, 10080; finer is read from tool_calls';
COMMENT ON TABLE file_rollups IS 'of a project: grains 0, 15, 60, 1440, 10080; of all (-1), a file in several projects being one: 1440 and 10080';
