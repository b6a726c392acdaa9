-- The base of the aggregates: what dropped rows and sessions contributed, summed up as a batch's contributions are, by the finest bucket of each
-- aggregate (docs/adr/0086). Cells are the contributions of rows and of the base. No keys: each step adds its own.
--
-- Each index …_by_path finds what a merge of projects, or its undo, has still to move; each …_by_import what an undo of an import takes back.
--   path_project_id  the project of the dropped sessions (docs/adr/0089): a merge of projects moves the base, and its undo moves the same of it back
--   brought_by       the number of the import that brought it, of an export of another tracker; NULL: it was dropped here

CREATE TABLE base_activity_rollups (
    project_id            bigint,
    path_project_id       bigint,
    brought_by            integer,
    user_id               bigint,
    bucket_start          timestamptz,
    sessions              bigint,
    wall_us               numeric,
    user_messages         bigint,
    assistant_messages    bigint,
    lines_added           bigint,
    lines_removed         bigint,
    tool_calls            bigint,
    tool_errors           bigint,
    input_tokens          bigint,
    output_tokens         bigint,
    cache_creation_tokens bigint,
    cache_read_tokens     bigint,
    cost_nano_usd         numeric,
    api_calls             bigint,
    unpriced_calls        bigint,
    cache_priced_calls    bigint,
    uncached_nano_usd     numeric,
    cache_saved_nano_usd  numeric
);
CREATE INDEX base_activity_rollups_by_import ON base_activity_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_activity_rollups_by_path ON base_activity_rollups (coalesce(path_project_id, project_id), project_id);

CREATE TABLE base_tool_rollups (
    project_id        bigint,
    path_project_id   bigint,
    brought_by        integer,
    user_id           bigint,
    bucket_start      timestamptz,
    tool_name         text,
    calls             bigint,
    success           bigint,
    errors            bigint,
    rejected          bigint,
    timed_calls       bigint,
    duration_ms       bigint,
    measured_calls    bigint,
    measured_ms       bigint,
    waited_calls      bigint,
    waited_ms         bigint,
    max_ms            bigint,
    max_measured_ms   bigint,
    last_used_at      timestamptz,
    times             numeric,
    measured_times    numeric,
    calls_by_quarter  numeric,
    errors_by_quarter numeric
);
-- Where the maxima of a day's cell are looked up.
CREATE INDEX base_tool_rollups_by_cell ON base_tool_rollups (project_id, user_id, tool_name, bucket_start);
CREATE INDEX base_tool_rollups_by_import ON base_tool_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_tool_rollups_by_path ON base_tool_rollups (coalesce(path_project_id, project_id), project_id);

CREATE TABLE base_error_rollups (
    project_id      bigint,
    path_project_id bigint,
    brought_by      integer,
    user_id         bigint,
    bucket_start    timestamptz,
    tool_name       text,
    error_class     text,
    calls           bigint
);
CREATE INDEX base_error_rollups_by_import ON base_error_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_error_rollups_by_path ON base_error_rollups (coalesce(path_project_id, project_id), project_id);

CREATE TABLE base_usage_rollups (
    project_id            bigint,
    path_project_id       bigint,
    brought_by            integer,
    user_id               bigint,
    bucket_start          timestamptz,
    model                 text,
    input_tokens          bigint,
    output_tokens         bigint,
    cache_creation_tokens bigint,
    cache_read_tokens     bigint,
    cost_nano_usd         numeric,
    api_calls             bigint,
    unpriced_calls        bigint,
    cache_priced_calls    bigint,
    uncached_nano_usd     numeric,
    cache_saved_nano_usd  numeric
);
CREATE INDEX base_usage_rollups_by_import ON base_usage_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_usage_rollups_by_path ON base_usage_rollups (coalesce(path_project_id, project_id), project_id);

CREATE TABLE base_file_rollups (
    project_id      bigint,
    path_project_id bigint,
    brought_by      integer,
    bucket_start    timestamptz,
    file_key        uuid,
    touches         bigint,
    lines_added     bigint,
    lines_removed   bigint
);
CREATE INDEX base_file_rollups_by_file ON base_file_rollups (file_key);
CREATE INDEX base_file_rollups_by_import ON base_file_rollups (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_file_rollups_by_path ON base_file_rollups (coalesce(path_project_id, project_id), project_id);

-- When people were active is a union over sessions, and a session counts in each interval that it goes on in. So each dropped session leaves its time
-- here, without its id.
CREATE TABLE base_sessions (
    project_id      bigint,
    path_project_id bigint,
    brought_by      integer,
    user_id         bigint,
    dated_at        timestamptz,
    last_event_at   timestamptz,
    active_ranges   tstzmultirange
);
CREATE INDEX base_sessions_by_date ON base_sessions (dated_at, last_event_at);
CREATE INDEX base_sessions_by_import ON base_sessions (brought_by) WHERE brought_by IS NOT NULL;
CREATE INDEX base_sessions_by_path ON base_sessions (coalesce(path_project_id, project_id), project_id);
-- Where a project's newest session is looked up.
CREATE INDEX base_sessions_by_project ON base_sessions (project_id, dated_at);
CREATE INDEX base_sessions_by_user ON base_sessions (user_id, dated_at);
