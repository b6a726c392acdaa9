-- API keys, who did what with the power of an admin, and what a key that is bound to projects can see (docs/adr/0012).

CREATE TABLE api_keys (
    id           text PRIMARY KEY,          -- the part of the key that may be shown
    name         text NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),  -- of the whole key; the key itself is kept nowhere
    scopes       text[] NOT NULL CHECK (scopes <> '{}' AND scopes <@ ARRAY['ingest', 'read', 'metrics', 'admin']),
    user_name    text,                      -- what it writes is this user's; NULL: whoever the writing says
    project_ids  bigint[] CHECK (project_ids <> '{}'),  -- what it reads is of these projects; NULL: of all
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,               -- to about a minute
    revoked_at   timestamptz,
    -- Who may make keys may make any.
    CHECK (NOT 'admin' = ANY(scopes) OR (user_name IS NULL AND project_ids IS NULL))
);

CREATE TABLE audit_log (                    -- written in the transaction of the act itself
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL,               -- a key's id; 'open': nobody was asked for one; 'machine': a command beside the database
    act        text NOT NULL,               -- 'key.create', 'import.undo', …
    subject    text,                        -- the id of what it was done to
    details    jsonb NOT NULL DEFAULT '{}',
    request_id text
);

-- Which key an import came by: a key that is bound to projects sees its own imports.
ALTER TABLE import_jobs ADD COLUMN key_id text;

-- What a key that is bound to projects can see -----------------------------------------------------------------------------
-- The query service takes this role on for such a key's transaction and says which projects in tracker.projects (and which key in
-- tracker.key_id). Whoever owns the tables is not asked by policies at all, so that every other query is what it was. What is not
-- granted here cannot be read: a new table with a project_id needs a policy, and tests/integration/query/test_bound_keys.py says so.

-- A role is the whole cluster's: there may be one already, and two databases may be made at the same time.
-- Where an administrator has made it, the owner of the tables needs no right to make roles.
DO $$
BEGIN
    IF to_regrole('tracker_bound') IS NULL THEN
        CREATE ROLE tracker_bound NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'tracker_bound', 'SET') THEN
        EXECUTE format('GRANT tracker_bound TO %I', current_user);
    END IF;
END $$;

CREATE FUNCTION bound_projects() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('tracker.projects', true), '{}')::bigint[];

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sessions', 'session_events', 'session_facts', 'messages', 'tool_calls', 'api_calls', 'activities',
                                'activity_rollups', 'tool_rollups', 'file_rollups', 'file_sets', 'usage_rollups', 'active_days']
    LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY bound ON %I FOR SELECT TO tracker_bound USING (project_id = ANY (bound_projects()))', name);
        EXECUTE format('GRANT SELECT ON %I TO tracker_bound', name);
    END LOOP;
END $$;

ALTER TABLE projects ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON projects FOR SELECT TO tracker_bound USING (id = ANY (bound_projects()));

-- A condition that might tell of rows which a policy hides is looked at after the policy only, and not by an index. The search's own does
-- not: it raises no error about what it sees. Only a superuser may say so; without one a bound key's search walks its projects' messages.
DO $$
BEGIN
    ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;

-- Of users and files, those that the projects have.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON users FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM activity_rollups AS r WHERE r.project_id = ANY (bound_projects()) AND r.user_id = users.id AND r.grain_minutes = 0));
ALTER TABLE files ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON files FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM file_rollups AS r WHERE r.project_id = ANY (bound_projects()) AND r.grain_minutes = 0 AND r.file_key = files.file_key));

-- Its own imports, whatever they brought: who sends a file may see what became of it.
ALTER TABLE import_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON import_jobs FOR SELECT TO tracker_bound USING (key_id = current_setting('tracker.key_id', true));

-- How far the journal is applied has no project.
GRANT SELECT ON projects, users, files, import_jobs, ledger TO tracker_bound;
-- What an undo has left to do, of its own imports.
ALTER TABLE import_sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON import_sessions FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM import_jobs AS j WHERE j.number = job_number));
GRANT SELECT ON import_sessions TO tracker_bound;
