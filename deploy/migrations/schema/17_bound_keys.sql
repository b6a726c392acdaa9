-- What a key that is bound to projects or people sees (docs/adr/0085-a-bound-key-reads-its-users-sessions.md).
--
-- The query service takes the role tracker_bound on for such a key's transaction. Whoever owns the tables is not asked by policies at all, so every
-- other query is what it was. What is not granted here cannot be read: a new table with a project_id needs a policy, and
-- tests/integration/keys/ownership/test_bound_projects.py says so.

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

-- A condition that might tell of rows which a policy hides is looked at after the policy only, and not by an index. The search's own does
-- not: it raises no error about what it sees. Only a superuser may say so; without one a bound key's search walks its projects' documents.
DO $$
BEGIN
    ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;

-- What a transaction is bound to. The query service sets it (services/query/database.sql):
--   tracker.projects             '{1,2}', or '*' for a key that is bound to users alone. Not set: no project.
--   tracker.users                '{3}' with the former ids of who was merged, or '*' for a key that is bound to projects alone. Not set: as '*'.
--   tracker.user_names           '{ann,ann-before}': all names of these users.
--   tracker.sessions             'private' or 'shared': of sessions and projects that say nothing.
--   tracker.exceptional_projects '{7}': those that say the other.
--   tracker.shares               'on' if a session may be shared at all. Else nobody looks for it.
-- A policy asks each by (SELECT f()), which is computed once for a statement.
CREATE FUNCTION bound_projects() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN current_setting('tracker.projects', true) = '*' THEN NULL
                ELSE coalesce(nullif(current_setting('tracker.projects', true), ''), '{}')::bigint[] END;

CREATE FUNCTION bound_users() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(nullif(current_setting('tracker.users', true), ''), '*')::bigint[];

CREATE FUNCTION bound_user_names() RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('tracker.user_names', true), '')::text[];

CREATE FUNCTION shares_sessions() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('tracker.shares', true) = 'on', false);

CREATE FUNCTION shares_by_default() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(current_setting('tracker.sessions', true) = 'shared', false);

CREATE FUNCTION exceptional_projects() RETURNS bigint[]
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('tracker.exceptional_projects', true), ''), '{}')::bigint[];

-- Sessions that people made private or shared. It sees the marks of all sessions: those of a session depend on who may see it.
CREATE FUNCTION sessions_marked(wanted text) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    BEGIN ATOMIC
        SELECT m.session_id FROM public.session_marks AS m WHERE m.visibility = wanted;
    END;

-- Policies: which rows --------------------------------------------------------------------------------------------------

-- A session: of the projects, and of one of the users or shared.
CREATE POLICY bound ON sessions FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])
        OR (SELECT shares_sessions()) AND (session_id IN (SELECT sessions_marked('shared'))
            OR (SELECT shares_by_default()) <> (project_id = ANY ((SELECT exceptional_projects())::bigint[]))
                AND session_id NOT IN (SELECT sessions_marked('private')))));

DO $$
DECLARE
    name text;
BEGIN
    -- A row: of the projects, and of one of the users or of a session that is seen. A row has the user and the project of its session.
    -- OFFSET 0: each session is looked up. Planners would read all sessions first, also for a page.
    FOREACH name IN ARRAY ARRAY['session_events', 'session_facts', 'messages', 'tool_calls', 'api_calls', 'activities', 'timeline_entries',
                                'search_documents']
    LOOP
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
                AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])
                    OR (SELECT shares_sessions())
                        AND EXISTS (SELECT FROM sessions AS s WHERE s.session_id = %1$I.session_id OFFSET 0)))
            $policy$, name);
    END LOOP;
    -- A sum: of a user. Nobody shares a session that was dropped.
    FOREACH name IN ARRAY ARRAY['activity_rollups', 'tool_rollups', 'usage_rollups', 'error_rollups', 'active_days', 'base_sessions',
                                'base_activity_rollups', 'base_usage_rollups']
    LOOP
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
                AND ((SELECT bound_users() IS NULL) OR user_id = ANY ((SELECT bound_users())::bigint[])))
            $policy$, name);
    END LOOP;
    -- Sums of files are nobody's. Changes and rules name paths of all users of a project: a key that is bound to users sees none.
    FOREACH name IN ARRAY ARRAY['file_rollups', 'file_sets', 'base_file_rollups', 'project_changes', 'project_rules']
    LOOP
        EXECUTE format($policy$
            CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
                (SELECT bound_users() IS NULL) AND project_id = ANY ((SELECT bound_projects())::bigint[]))
            $policy$, name);
    END LOOP;
    -- What is beside a session that is seen.
    FOREACH name IN ARRAY ARRAY['session_machines', 'session_marks', 'session_signs', 'agent_signs', 'session_processes', 'status_lines', 'dropped_texts']
    LOOP
        EXECUTE format('CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
            EXISTS (SELECT FROM sessions AS s WHERE s.session_id = %1$I.session_id))', name);
    END LOOP;
    -- The same, where there are many rows of one session. What another user's key brought is hidden by the queries, as files are (is_file_of).
    FOREACH name IN ARRAY ARRAY['signals', 'contested_rows']
    LOOP
        EXECUTE format('CREATE POLICY bound ON %1$I FOR SELECT TO tracker_bound USING (
            EXISTS (SELECT FROM sessions AS s WHERE s.session_id = %1$I.session_id OFFSET 0))', name);
    END LOOP;
    -- The content of files that are seen.
    FOREACH name IN ARRAY ARRAY['transcript_ranges', 'transcript_segments']
    LOOP
        EXECUTE format('CREATE POLICY bound ON %I FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM transcript_files AS f WHERE f.id = file_id))', name);
    END LOOP;
END $$;

-- A transcript: of a session that is seen.
CREATE POLICY bound_by_session ON transcript_files FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = transcript_files.session_id));

-- A project: itself or its parts. A key that is bound to a part is bound to the whole (shared/auth/keys.sql). One that is bound to users sees those parts
-- of which it sees a session: the path of another part is another person's folder.
CREATE POLICY bound ON projects FOR SELECT TO tracker_bound USING (
    ((SELECT bound_projects() IS NULL) OR coalesce(merged_into, id) = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL)
        OR EXISTS (SELECT FROM activity_rollups AS r WHERE r.project_id = projects.id AND r.user_id = ANY ((SELECT bound_users())::bigint[])
            AND r.grain_minutes = 0 OFFSET 0)
        OR merged_into IS NOT NULL AND EXISTS (SELECT FROM sessions AS s WHERE s.path_project_id = projects.id OFFSET 0)
        OR (SELECT shares_sessions()) AND EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.project_id = projects.id OFFSET 0)));

-- A user: with something in the projects, or one of the users, or with a session that is shared.
CREATE POLICY bound ON users FOR SELECT TO tracker_bound USING (
    CASE WHEN (SELECT bound_users() IS NULL)
        THEN EXISTS (SELECT FROM activity_rollups AS r WHERE r.project_id = ANY ((SELECT bound_projects())::bigint[]) AND r.user_id = users.id
            AND r.grain_minutes = 0)
        ELSE id = ANY ((SELECT bound_users())::bigint[])
            OR (SELECT shares_sessions()) AND EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.user_id = users.id OFFSET 0) END);

-- A file: touched in the projects, or by a change that is seen.
CREATE POLICY bound ON files FOR SELECT TO tracker_bound USING (
    CASE WHEN (SELECT bound_users() IS NULL)
        THEN EXISTS (SELECT FROM file_rollups AS r WHERE r.project_id = ANY ((SELECT bound_projects())::bigint[]) AND r.grain_minutes = 0
            AND r.file_key = files.file_key)
        ELSE EXISTS (SELECT FROM activities AS a WHERE a.file_key = files.file_key OFFSET 0) END);

-- A machine: with a session that is seen; or of one of the users, who has perhaps no session yet.
CREATE POLICY bound ON machines FOR SELECT TO tracker_bound USING (
    (SELECT bound_projects() IS NULL) AND user_name = ANY ((SELECT bound_user_names())::text[])
    OR EXISTS (SELECT FROM session_machines AS m WHERE m.machine_id = machines.machine_id));

-- Quota is a person's: keys that are bound to projects alone see none.
CREATE POLICY bound ON quota_readings FOR SELECT TO tracker_bound USING (user_id = ANY ((SELECT bound_users())::bigint[]));

-- Its own imports, whatever they brought, and what an undo of them has left to do: who sends a file may see what became of it.
CREATE POLICY bound ON import_jobs FOR SELECT TO tracker_bound USING (key_id = current_setting('tracker.key_id', true));
CREATE POLICY bound ON import_sessions FOR SELECT TO tracker_bound USING (EXISTS (SELECT FROM import_jobs AS j WHERE j.number = job_number));

-- Rights: a table that has a policy, by the policy ------------------------------------------------------------------------

DO $$
DECLARE
    name name;
BEGIN
    FOR name IN SELECT tablename FROM pg_policies WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT ON %I TO tracker_bound', name);
    END LOOP;
END $$;

-- Nobody's data: how far the journal is applied, prices, and settings that are shown beside the numbers that were counted with them.
GRANT SELECT ON ledger, prices, fixed_settings TO tracker_bound;
-- How many rows wait for the indexer tells of no project. Of messages that wait it sees ids of all projects, and only rows of its own.
GRANT SELECT (rows) ON search_pending TO tracker_bound;
GRANT SELECT (newest, number, rows, keys) ON search_noted_messages TO tracker_bound;
-- Views that run as who asks.
GRANT SELECT ON asked_commands, asks, whole_projects, search_texts, api_call_costs, session_client_costs TO tracker_bound;
-- It gets no right to project_places, which names paths of all projects; to saved_views, whose addresses hold names and words of any project; nor to
-- exports, retention_rules and kept_out_texts.
