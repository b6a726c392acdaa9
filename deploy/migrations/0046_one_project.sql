-- Projects that are one: a path may be part of another project; names, groups, and what machines say of repositories (docs/adr/0089).
-- Every statement can be repeated: the migration goes on outside a transaction.

ALTER TABLE projects
    ADD COLUMN IF NOT EXISTS part_of            bigint,       -- the project that it was merged into; NULL: none
    ADD COLUMN IF NOT EXISTS merged_into        bigint,       -- the project under which its sessions count: where part_of leads in the end; NULL: itself
    ADD COLUMN IF NOT EXISTS merged_by          text,         -- the rule that decided: hand, worktree, remote or path_rule
    ADD COLUMN IF NOT EXISTS merge_evidence     text,         -- what both have: a git folder, a remote, a pattern
    ADD COLUMN IF NOT EXISTS merged_by_key      text,         -- by hand: the key
    ADD COLUMN IF NOT EXISTS merged_at          timestamptz,
    ADD COLUMN IF NOT EXISTS is_kept_apart      boolean NOT NULL DEFAULT false,  -- by hand: no rule merges it, nor another into it
    ADD COLUMN IF NOT EXISTS rekey_requested_at timestamptz,  -- sessions that begin here still count elsewhere; NULL: none does
    ADD COLUMN IF NOT EXISTS group_name         text,
    ADD COLUMN IF NOT EXISTS is_archived        boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS repository         text;         -- its remote, as all machines say: github.com/acme/shop

-- Whether the rules have been applied to a project. Those that are here already have been: nothing is known of them yet.
ALTER TABLE projects ADD COLUMN IF NOT EXISTS judged_at timestamptz DEFAULT '-infinity';
ALTER TABLE projects ALTER COLUMN judged_at DROP DEFAULT;
CREATE INDEX IF NOT EXISTS projects_to_judge ON projects (id) WHERE judged_at IS NULL;

ALTER TABLE projects DROP CONSTRAINT IF EXISTS projects_part_of_another;
ALTER TABLE projects ADD CONSTRAINT projects_part_of_another CHECK (
    part_of <> id AND merged_into <> id AND (part_of IS NULL) = (merged_into IS NULL) AND (part_of IS NULL) = (merged_by IS NULL)) NOT VALID;
CREATE INDEX IF NOT EXISTS projects_by_whole ON projects (part_of) WHERE part_of IS NOT NULL;
CREATE INDEX IF NOT EXISTS projects_to_rekey ON projects (rekey_requested_at) WHERE rekey_requested_at IS NOT NULL;

-- The project of the path that a session, or a row without a session, names, where that is part of another; NULL: project_id itself.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS path_project_id bigint;
ALTER TABLE messages ADD COLUMN IF NOT EXISTS path_project_id bigint;

-- Every change of a project's name, group, place or archive, so that it can be undone exactly.
CREATE TABLE IF NOT EXISTS project_changes (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL,    -- a key's id; 'open': nobody was asked for one; 'rule': a rule
    before     jsonb NOT NULL,   -- the columns that were changed, as they were
    after      jsonb NOT NULL,   -- and as they became
    undone_at  timestamptz
);
CREATE INDEX IF NOT EXISTS project_changes_of_project ON project_changes (project_id, id DESC);

-- What machines say of folders in which sessions began. The path need not be a project yet.
CREATE TABLE IF NOT EXISTS project_places (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    told_by    text NOT NULL,                   -- a machine's id; 'import:12' for a claude.json
    path       text NOT NULL,
    path_key   uuid NOT NULL GENERATED ALWAYS AS (md5(path)::uuid) STORED,
    common_dir text,                            -- the git folder that all worktrees share
    remote     text,                            -- without scheme, user and .git
    inside     text NOT NULL DEFAULT '',        -- the path within the working tree
    is_main    boolean NOT NULL DEFAULT false,  -- the working tree that holds the git folder
    told_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    judged_at  timestamptz,                     -- the rules have been applied to it; NULL: not yet, or the path is no project
    UNIQUE (told_by, path_key)
);
CREATE INDEX IF NOT EXISTS project_places_of_path ON project_places (path_key);
CREATE INDEX IF NOT EXISTS project_places_by_remote ON project_places USING hash (remote);
CREATE INDEX IF NOT EXISTS project_places_by_common_dir ON project_places USING hash (common_dir);
CREATE INDEX IF NOT EXISTS project_places_unjudged ON project_places (path_key) WHERE judged_at IS NULL;

CREATE TABLE IF NOT EXISTS project_rules (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    pattern    text NOT NULL,    -- of paths: * within a folder's name, ** over folders
    project_id bigint NOT NULL,  -- what they are part of
    key_id     text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    judged_at  timestamptz       -- the projects that were there have been looked at
);
CREATE UNIQUE INDEX IF NOT EXISTS project_rules_by_pattern ON project_rules (md5(pattern));

-- A key that is bound to a project sees its parts. One that is bound to a part is bound to the whole (shared/auth/keys.sql).
-- One that is bound to users sees those parts of which it sees a session: the path of another part is another person's folder.
ALTER POLICY bound ON projects USING (
    ((SELECT bound_projects() IS NULL) OR coalesce(merged_into, id) = ANY ((SELECT bound_projects())::bigint[]))
    AND ((SELECT bound_users() IS NULL)
        OR EXISTS (SELECT FROM activity_rollups AS r WHERE r.project_id = projects.id AND r.user_id = ANY ((SELECT bound_users())::bigint[])
            AND r.grain_minutes = 0 OFFSET 0)
        OR merged_into IS NOT NULL AND EXISTS (SELECT FROM sessions AS s WHERE s.path_project_id = projects.id OFFSET 0)
        OR (SELECT shares_sessions()) AND EXISTS (SELECT FROM sessions AS s WHERE s.counted AND s.project_id = projects.id OFFSET 0)));
ALTER TABLE project_changes ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON project_changes;
-- Changes and rules name paths of all users of a project: a key that is bound to users sees none.
CREATE POLICY bound ON project_changes FOR SELECT TO tracker_bound USING (
    (SELECT bound_users() IS NULL) AND project_id = ANY ((SELECT bound_projects())::bigint[]));
GRANT SELECT ON project_changes TO tracker_bound;
-- It gets no right to project_places, which names paths of all projects.
ALTER TABLE project_rules ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON project_rules;
CREATE POLICY bound ON project_rules FOR SELECT TO tracker_bound USING (
    (SELECT bound_users() IS NULL) AND project_id = ANY ((SELECT bound_projects())::bigint[]));
GRANT SELECT ON project_rules TO tracker_bound;

-- The projects under which sessions count, each with its group and its repository: its own, or that of its parts.
CREATE OR REPLACE VIEW whole_projects WITH (security_invoker = true) AS
    SELECT p.id, p.group_name, coalesce(p.repository, (SELECT min(c.repository) FROM projects AS c WHERE c.merged_into = p.id)) AS repository
    FROM projects AS p WHERE p.merged_into IS NULL;
GRANT SELECT ON whole_projects TO tracker_bound;
