-- Failed tool calls by class.

CREATE TABLE IF NOT EXISTS error_rollups (
    project_id    bigint NOT NULL,             -- a project, 0 not known, -1 all
    user_id       bigint NOT NULL,             -- a user, 0 not known, -1 all
    grain_minutes smallint NOT NULL,
    bucket_start  timestamptz NOT NULL,
    tool_name     text NOT NULL,
    error_class   text NOT NULL,               -- '' nothing says why
    calls         bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, user_id, grain_minutes, bucket_start, tool_name, error_class)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);

ALTER TABLE error_rollups ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON error_rollups;
CREATE POLICY bound ON error_rollups FOR SELECT TO tracker_bound USING (project_id = ANY (bound_projects()));
GRANT SELECT ON error_rollups TO tracker_bound;
