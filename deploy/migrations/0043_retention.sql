-- What is kept for how long (docs/adr/0086-retention-leaves-numbers.md): rules, runs, marks of sessions without texts, and the base of the aggregates.

-- A rule is of everything (both NULL), of a project, or of a user. No rule: the worker's setting TRACKER_<WHAT>_DAYS.
CREATE TABLE retention_rules (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    what       text NOT NULL CHECK (what IN ('texts', 'sessions', 'archive', 'jobs', 'dead_letters', 'scrubs', 'audit', 'live_payloads')),
    project_id bigint REFERENCES projects ON DELETE CASCADE,
    user_id    bigint REFERENCES users ON DELETE CASCADE,
    -- NULL: for good.
    days       integer CHECK (days BETWEEN 1 AND 36500),
    -- The key that set it; NULL: nobody was asked for one.
    key_id     text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (project_id IS NULL OR user_id IS NULL),
    CHECK (what IN ('texts', 'sessions', 'archive') OR project_id IS NULL AND user_id IS NULL),
    UNIQUE NULLS NOT DISTINCT (what, project_id, user_id)
);

-- For how many days something is kept; NULL: for good. A user's rule comes before a project's, that before the one of everything, and last the setting
-- (0 is for good).
CREATE FUNCTION retention_days(kind text, project bigint, person bigint, setting integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT days FROM (
        SELECT r.days, r.user_id IS NULL AS is_of_many, r.project_id IS NULL AS is_of_all, false AS is_setting FROM retention_rules AS r
        WHERE r.what = kind AND (r.user_id IS NULL OR r.user_id = person) AND (r.project_id IS NULL OR r.project_id = project)
        UNION ALL SELECT nullif(setting, 0), true, true, true
    ) AS rules ORDER BY is_setting, is_of_many, is_of_all LIMIT 1);

CREATE TABLE retention_runs (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    -- Counts only.
    is_dry_run       boolean NOT NULL,
    -- At the end the files of tables are written anew, which locks them: seconds for each gigabyte.
    rewrites         boolean NOT NULL DEFAULT false,
    -- Began by itself, once a day.
    is_scheduled     boolean NOT NULL DEFAULT false,
    -- Which stage is next, and behind which key; committed together with what the step before has dropped.
    at_stage         text,
    after_key        text,
    attempts         integer NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    lease_token      uuid,
    -- Size of the database when it began and when it ended.
    bytes_before     bigint,
    bytes_after      bigint,
    request_id       text,
    -- Days are counted back from here.
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz
);
CREATE INDEX retention_runs_unfinished ON retention_runs (created_at) WHERE status IN ('queued', 'running');
CREATE INDEX retention_runs_by_time ON retention_runs (created_at DESC);
-- One at a time, so that each counts what it has dropped itself.
CREATE UNIQUE INDEX retention_runs_one ON retention_runs (is_dry_run) WHERE status IN ('queued', 'running') AND NOT is_dry_run;

-- What a run has dropped, or would. Project 0: of none.
CREATE TABLE retention_counts (
    run_id     uuid NOT NULL REFERENCES retention_runs ON DELETE CASCADE,
    what       text NOT NULL,
    project_id bigint NOT NULL,
    sessions   bigint NOT NULL,
    rows       bigint NOT NULL,
    -- As they are stored.
    bytes      bigint NOT NULL,
    PRIMARY KEY (run_id, what, project_id)
);

-- Sessions whose texts from before a time are gone, and stay gone: whoever brings such a row again brings it without its texts
-- (services/worker/persist/dropped_texts.py).
CREATE TABLE dropped_texts (
    session_id text PRIMARY KEY,
    before     timestamptz NOT NULL,
    dropped_at timestamptz NOT NULL DEFAULT now(),
    -- false: a run is at it.
    is_done    boolean NOT NULL DEFAULT false
);
CREATE INDEX dropped_texts_unfinished ON dropped_texts (session_id) WHERE NOT is_done;

-- The content of a file up to here was dropped; what is stored begins behind it.
ALTER TABLE transcript_files ADD COLUMN dropped_to bigint NOT NULL DEFAULT 0;

-- Sessions that are being dropped: some of their rows are in the base already.
CREATE TABLE dropping_sessions (
    session_id text PRIMARY KEY,
    run_id     uuid NOT NULL
);

-- The base of the aggregates: what dropped rows and sessions contributed, summed up as a batch's contributions are, by the finest bucket of each aggregate.
-- Cells are the contributions of rows and of the base. No keys: each step adds its own. `path_project_id` is that of the dropped sessions
-- (docs/adr/0089): a merge of projects moves the base, and its undo moves the same of it back. `brought_by` is the
-- number of the import that brought it, of an export of another tracker.
CREATE TABLE base_file_rollups AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, bucket_start, file_key, touches, lines_added, lines_removed FROM file_rollups WITH NO DATA;
CREATE INDEX base_file_rollups_by_file ON base_file_rollups (file_key);

CREATE TABLE base_tool_rollups AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, user_id, bucket_start, tool_name, calls, success, errors, rejected, timed_calls, duration_ms, measured_calls, measured_ms,
    waited_calls, waited_ms, max_ms, max_measured_ms, last_used_at, times, measured_times, calls_by_quarter, errors_by_quarter
FROM tool_rollups WITH NO DATA;
-- Where the maxima of a day's cell are looked up.
CREATE INDEX base_tool_rollups_by_cell ON base_tool_rollups (project_id, user_id, tool_name, bucket_start);

CREATE TABLE base_error_rollups AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, user_id, bucket_start, tool_name, error_class, calls FROM error_rollups WITH NO DATA;

CREATE TABLE base_usage_rollups AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, user_id, bucket_start, model, input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls,
    unpriced_calls, cache_priced_calls, uncached_nano_usd, cache_saved_nano_usd
FROM usage_rollups WITH NO DATA;

CREATE TABLE base_activity_rollups AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, user_id, bucket_start, sessions, wall_us, user_messages, assistant_messages, lines_added, lines_removed, tool_calls, tool_errors,
    input_tokens, output_tokens, cache_creation_tokens, cache_read_tokens, cost_nano_usd, api_calls, unpriced_calls, cache_priced_calls,
    uncached_nano_usd, cache_saved_nano_usd
FROM activity_rollups WITH NO DATA;

-- When people were active is a union over sessions, and a session counts in each interval that it goes on in. So each dropped session leaves its time here,
-- without its id.
CREATE TABLE base_sessions AS
SELECT project_id, NULL::bigint AS path_project_id, NULL::integer AS brought_by, user_id, dated_at, last_event_at, active_ranges FROM sessions WITH NO DATA;
CREATE INDEX base_sessions_by_user ON base_sessions (user_id, dated_at);
CREATE INDEX base_sessions_by_date ON base_sessions (dated_at, last_event_at);
-- Where a project's newest session is looked up.
CREATE INDEX base_sessions_by_project ON base_sessions (project_id, dated_at);
ALTER TABLE base_sessions ENABLE ROW LEVEL SECURITY;
-- As sums: of a user. Nobody shares a session that was dropped.
CREATE POLICY bound ON base_sessions FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])));
GRANT SELECT ON base_sessions TO tracker_bound;

-- What of the base a merge of projects, or its undo, has still to move.
CREATE INDEX base_file_rollups_by_path ON base_file_rollups (coalesce(path_project_id, project_id), project_id);
CREATE INDEX base_tool_rollups_by_path ON base_tool_rollups (coalesce(path_project_id, project_id), project_id);
CREATE INDEX base_error_rollups_by_path ON base_error_rollups (coalesce(path_project_id, project_id), project_id);
CREATE INDEX base_usage_rollups_by_path ON base_usage_rollups (coalesce(path_project_id, project_id), project_id);
CREATE INDEX base_activity_rollups_by_path ON base_activity_rollups (coalesce(path_project_id, project_id), project_id);
CREATE INDEX base_sessions_by_path ON base_sessions (coalesce(path_project_id, project_id), project_id);
-- What an undo of an import takes back.
CREATE INDEX base_file_rollups_by_import ON base_file_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_tool_rollups_by_import ON base_tool_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_error_rollups_by_import ON base_error_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_usage_rollups_by_import ON base_usage_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_activity_rollups_by_import ON base_activity_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_sessions_by_import ON base_sessions (brought_by) WHERE brought_by IS NOT NULL;

-- A bound key sees which of the sessions that it reads have no texts any more. Rules and runs name projects and users of others.
ALTER TABLE dropped_texts ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON dropped_texts FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM sessions AS s WHERE s.session_id = dropped_texts.session_id));
GRANT SELECT ON dropped_texts TO tracker_bound;
