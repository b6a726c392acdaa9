-- What is kept for how long (docs/adr/0086-retention-leaves-numbers.md), and what was erased or is not kept any longer and stays out
-- (docs/adr/0087; services/worker/persist/tombstones.py).

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
-- The rule's person may have been merged and the session's too; rules and rows move some time later. Of two rules the one that keeps more counts.
CREATE FUNCTION retention_days(kind text, project bigint, person bigint, setting integer) RETURNS integer LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT days FROM (
        SELECT r.days, r.user_id IS NULL AS is_of_many, r.project_id IS NULL AS is_of_all, false AS is_setting
        FROM retention_rules AS r LEFT JOIN users AS u ON u.id = r.user_id
        WHERE r.what = kind AND (r.project_id IS NULL OR r.project_id = project)
          AND (r.user_id IS NULL OR coalesce(u.alias_of, u.id) = coalesce((SELECT p.alias_of FROM users AS p WHERE p.id = person), person))
        UNION ALL SELECT nullif(setting, 0), true, true, true
    ) AS rules ORDER BY is_setting, is_of_many, is_of_all, days DESC NULLS FIRST LIMIT 1);

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
    finished_at      timestamptz,
    -- The tables that it has deleted from or emptied.
    changed_tables   text[] NOT NULL DEFAULT '{}',
    -- Why it failed, in one sentence that says what to do; of one that goes on, why its last step failed.
    failure          text,
    -- When it last got on.
    moved_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX retention_runs_by_time ON retention_runs (created_at DESC);
-- One at a time, so that each counts what it has dropped itself.
CREATE UNIQUE INDEX retention_runs_one ON retention_runs (is_dry_run) WHERE status IN ('queued', 'running') AND NOT is_dry_run;
CREATE INDEX retention_runs_unfinished ON retention_runs (created_at) WHERE status IN ('queued', 'running');

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
    is_done    boolean NOT NULL DEFAULT false,
    -- The imports of exports that brought the row; NULL: it is of this tracker, or was changed here since.
    brought_by integer[]
);
CREATE INDEX dropped_texts_unfinished ON dropped_texts (session_id) WHERE NOT is_done;

-- Sessions that are being dropped: some of their rows are in the base already.
CREATE TABLE dropping_sessions (
    session_id text PRIMARY KEY,
    run_id     uuid NOT NULL
);

-- No store may have the name of what was erased, so a tombstone has a hash of it. The salt is of this database alone: a list of people's names cannot be
-- hashed elsewhere beforehand.
DO $$
BEGIN
    EXECUTE format('CREATE FUNCTION tombstone_salt() RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN %L::bytea',
                   uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
END $$;

-- A tombstone under any tracker's salt.
CREATE FUNCTION tombstone_hash(salt bytea, kind text, name text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN sha256(salt || convert_to(kind || ':' || name, 'UTF8'));

CREATE FUNCTION tombstone_key(kind text, name text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN tombstone_hash(tombstone_salt(), kind, name);

-- The salts of other trackers, of which imports have brought tombstones.
CREATE TABLE tombstone_salts (salt bytea PRIMARY KEY CHECK (length(salt) = 32));

-- Tombstones keep out what they name, and go along with an export (docs/adr/0102).
CREATE TABLE tombstones (
    -- tombstone_key(kind, name): of a session's id, a user's name, a project's path; of a range, the id of its session.
    key        bytea NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('session', 'user', 'project', 'range')),
    reason     text NOT NULL CHECK (reason IN ('erased', 'expired')),
    -- Of a range: from the first, before the second.
    from_at    timestamptz,
    to_at      timestamptz,
    -- The erasure or the run that wrote it: what it wrote is lifted together.
    job_id     uuid,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- Of a session: whose it was and in which project's path, so that an export of either takes it along. They say nothing once these are gone.
    user_id    bigint,
    project_id bigint,
    -- NULL: the salt of this database.
    salt       bytea REFERENCES tombstone_salts,
    -- The numbers of the imports that brought it; NULL: it is of this tracker.
    brought_by integer[],
    CHECK ((kind = 'range') = (from_at IS NOT NULL AND to_at IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (key, from_at, to_at)
);
CREATE INDEX tombstones_by_job ON tombstones (job_id) WHERE job_id IS NOT NULL;

-- All keys that a name can have a tombstone under.
CREATE FUNCTION tombstone_keys(kind text, name text) RETURNS SETOF bytea LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT tombstone_key(kind, name) UNION ALL SELECT tombstone_hash(s.salt, kind, name) FROM tombstone_salts AS s';

-- Jobs of the worker that take out everything of a session, a person, a project or a range.
CREATE TABLE erasures (
    id               uuid PRIMARY KEY,
    kind             text NOT NULL CHECK (kind IN ('session', 'user', 'project', 'range')),
    -- Until it has ended: the names that it erases, and the ids that they have here.
    names            text[],
    user_ids         bigint[],
    project_ids      bigint[],
    from_at          timestamptz,
    to_at            timestamptz,
    is_dry_run       boolean NOT NULL DEFAULT false,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    at_stage         text NOT NULL DEFAULT 'tombstones',
    after_key        text,
    -- {store: how much of it is erased}
    counts           jsonb NOT NULL DEFAULT '{}',
    -- {what still has it: what to do}
    remains          jsonb NOT NULL DEFAULT '{}',
    attempts         integer NOT NULL DEFAULT 0,
    lease_token      uuid,
    lease_expires_at timestamptz,
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz,
    -- Why it failed, in one sentence that says what to do; of one that goes on, why its last step failed.
    failure          text,
    -- When it last got on.
    moved_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasures_by_creation ON erasures (created_at DESC, id);

-- Sessions that an erasure is at; none when it has ended.
CREATE TABLE erasure_sessions (
    erasure_id uuid NOT NULL REFERENCES erasures ON DELETE CASCADE,
    session_id text NOT NULL,
    PRIMARY KEY (erasure_id, session_id)
);
