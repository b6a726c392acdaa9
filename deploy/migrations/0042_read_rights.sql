-- Who reads which session: keys that are bound to users, and sessions that are shared (docs/adr/0085-a-bound-key-reads-its-users-sessions.md).
-- May be run again.

-- Several users, whose sessions the key reads; of one user, user_name has it.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS user_names text[];
ALTER TABLE api_keys DROP CONSTRAINT IF EXISTS api_keys_user_names_check;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_user_names_check
    CHECK (user_names IS NULL OR cardinality(user_names) > 1 AND user_name IS NULL AND NOT scopes && ARRAY['ingest', 'admin']) NOT VALID;

-- NULL: as the project says, and without its word as TRACKER_SESSIONS does. It is with the marks, which imports, undo and reparse leave.
ALTER TABLE session_marks ADD COLUMN IF NOT EXISTS visibility text;
ALTER TABLE session_marks DROP CONSTRAINT IF EXISTS session_marks_visibility_check;
ALTER TABLE session_marks ADD CONSTRAINT session_marks_visibility_check CHECK (visibility IN ('private', 'shared')) NOT VALID;
CREATE INDEX IF NOT EXISTS session_marks_by_visibility ON session_marks (visibility, session_id) WHERE visibility IS NOT NULL;
ALTER TABLE projects ADD COLUMN IF NOT EXISTS visibility text;
ALTER TABLE projects DROP CONSTRAINT IF EXISTS projects_visibility_check;
ALTER TABLE projects ADD CONSTRAINT projects_visibility_check CHECK (visibility IN ('private', 'shared')) NOT VALID;

-- What a transaction is bound to. The query service sets it (services/query/database.sql):
--   tracker.projects             '{1,2}', or '*' for a key that is bound to users alone. Not set: no project.
--   tracker.users                '{3}' with the former ids of who was merged, or '*' for a key that is bound to projects alone. Not set: as '*', since
--                                the release before knows only projects.
--   tracker.user_names           '{ann,ann-before}': all names of these users.
--   tracker.sessions             'private' or 'shared': of sessions and projects that say nothing.
--   tracker.exceptional_projects '{7}': those that say the other.
--   tracker.shares               'on' if a session may be shared at all. Else nobody looks for it.
-- A policy asks each by (SELECT f()), which is computed once for a statement.
CREATE OR REPLACE FUNCTION bound_projects() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN current_setting('tracker.projects', true) = '*' THEN NULL
                ELSE coalesce(nullif(current_setting('tracker.projects', true), ''), '{}')::bigint[] END;
CREATE OR REPLACE FUNCTION bound_users() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(nullif(current_setting('tracker.users', true), ''), '*')::bigint[];
CREATE OR REPLACE FUNCTION bound_user_names() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('tracker.user_names', true), '')::text[];
CREATE OR REPLACE FUNCTION shares_sessions() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('tracker.shares', true) = 'on', false);
CREATE OR REPLACE FUNCTION shares_by_default() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('tracker.sessions', true) = 'shared', false);
CREATE OR REPLACE FUNCTION exceptional_projects() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('tracker.exceptional_projects', true), ''), '{}')::bigint[];

-- Sessions that people made private or shared. It sees the marks of all sessions: those of a session depend on who may see it.
CREATE OR REPLACE FUNCTION sessions_marked(wanted text) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT m.session_id FROM public.session_marks AS m WHERE m.visibility = wanted;
    END;

-- A session: of the projects, and of one of the users or shared.
DROP POLICY IF EXISTS bound ON sessions;
CREATE POLICY bound ON sessions FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])
        OR (SELECT shares_sessions()) AND (session_id IN (SELECT sessions_marked('shared'))
            OR (SELECT shares_by_default()) <> (project_id = ANY ((SELECT exceptional_projects())::bigint[]))
                AND session_id NOT IN (SELECT sessions_marked('private')))));

-- A row: of the projects, and of one of the users or of a session that is seen. A row has the user and the project of its session.
-- OFFSET 0: each session is looked up. Planners would read all sessions first, also for a page.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['session_events', 'session_facts', 'messages', 'tool_calls', 'api_calls', 'activities', 'timeline_entries',
                                'search_documents']
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS bound ON %I', name);
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
                AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])
                    OR (SELECT shares_sessions())
                        AND EXISTS (SELECT FROM sessions AS s WHERE s.session_id = %1$I.session_id OFFSET 0)))
            $policy$, name);
    END LOOP;
END $$;

-- A sum: of a user. Those of all users, and those of files, are nobody's.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['activity_rollups', 'tool_rollups', 'usage_rollups', 'error_rollups', 'active_days']
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS bound ON %I', name);
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
                AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])))
            $policy$, name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['file_rollups', 'file_sets']
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS bound ON %I', name);
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                (SELECT bound_users() IS NULL) AND project_id = ANY ((SELECT bound_projects())::bigint[]))
            $policy$, name);
    END LOOP;
END $$;

-- A machine: with a session that is seen; or of one of the users, who has perhaps no session yet.
DROP POLICY IF EXISTS bound ON machines;
CREATE POLICY bound ON machines FOR SELECT TO tracker_bound USING (
    (SELECT bound_projects() IS NULL) AND user_name = ANY ((SELECT bound_user_names())::text[])
    OR EXISTS (SELECT FROM session_machines AS m WHERE m.machine_id = machines.machine_id));

-- A project, user or file: of what is seen.
DROP POLICY IF EXISTS bound ON projects;
CREATE POLICY bound ON projects FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR id = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL)
        OR EXISTS (SELECT FROM activity_rollups AS r WHERE r.project_id = projects.id AND r.user_id = ANY ((SELECT bound_users())::bigint[])
            AND r.grain_minutes = 0 OFFSET 0)
        OR (SELECT shares_sessions()) AND EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.project_id = projects.id OFFSET 0)));
DROP POLICY IF EXISTS bound ON users;
CREATE POLICY bound ON users FOR SELECT TO tracker_bound USING (
    CASE WHEN (SELECT bound_users() IS NULL)
        THEN EXISTS (SELECT FROM activity_rollups AS r WHERE r.project_id = ANY ((SELECT bound_projects())::bigint[]) AND r.user_id = users.id
            AND r.grain_minutes = 0)
        ELSE id = ANY ((SELECT bound_users())::bigint[])
            OR (SELECT shares_sessions()) AND EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.user_id = users.id OFFSET 0) END);
DROP POLICY IF EXISTS bound ON files;
CREATE POLICY bound ON files FOR SELECT TO tracker_bound USING (
    CASE WHEN (SELECT bound_users() IS NULL)
        THEN EXISTS (SELECT FROM file_rollups AS r WHERE r.project_id = ANY ((SELECT bound_projects())::bigint[]) AND r.grain_minutes = 0
            AND r.file_key = files.file_key)
        ELSE EXISTS (SELECT FROM activities AS a WHERE a.file_key = files.file_key OFFSET 0) END);
