-- What was erased, or is not kept any longer, stays out: services/worker/persist/tombstones.py. Erasures are jobs of the worker (docs/adr/0087).

-- The hash of a name. No store may have the name of what was erased, so a tombstone has this in its place. The salt is of this database alone: a list of
-- people's names cannot be hashed elsewhere beforehand. It stays when the migration is tried again.
DO $$
BEGIN
    IF to_regprocedure('tombstone_key(text, text)') IS NULL THEN
        EXECUTE format(
            'CREATE FUNCTION tombstone_key(kind text, name text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
             RETURN sha256(%L::bytea || convert_to(kind || '':'' || name, ''UTF8''))',
            uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS tombstones (
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
    CHECK ((kind = 'range') = (from_at IS NOT NULL AND to_at IS NOT NULL)),
    UNIQUE NULLS NOT DISTINCT (key, from_at, to_at)
);
CREATE INDEX IF NOT EXISTS tombstones_by_job ON tombstones (job_id) WHERE job_id IS NOT NULL;

-- Events of what has a tombstone: acknowledged, and not stored.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS left_out bigint NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS left_out bigint NOT NULL DEFAULT 0;

CREATE TABLE IF NOT EXISTS erasures (
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
    finished_at      timestamptz
);
CREATE INDEX IF NOT EXISTS erasures_by_creation ON erasures (created_at DESC, id);
-- Sessions that an erasure is at; none when it has ended.
CREATE TABLE IF NOT EXISTS erasure_sessions (
    erasure_id uuid NOT NULL REFERENCES erasures ON DELETE CASCADE,
    session_id text NOT NULL,
    PRIMARY KEY (erasure_id, session_id)
);

-- How often lines of the file were taken out: what a worker remembers of it is outdated then.
ALTER TABLE transcript_files ADD COLUMN IF NOT EXISTS rewrites integer NOT NULL DEFAULT 0;
