-- Exports of everything, and what an import of one brings (docs/adr/0088). Adds only; can be run again.

ALTER TABLE import_jobs DROP CONSTRAINT IF EXISTS import_jobs_kind_check,
    ADD CONSTRAINT import_jobs_kind_check CHECK (kind IN ('import', 'undo', 'capture', 'reparse', 'export')) NOT VALID;

-- The archive that a job of the kind `export` makes. The job has its status, lease and progress.
CREATE TABLE IF NOT EXISTS exports (
    -- The job's.
    id             uuid PRIMARY KEY,
    -- Of the user whose key it is bound to; NULL: of a key that is bound to nobody.
    bound_user     text,
    sessions_total bigint NOT NULL DEFAULT 0,
    sessions_done  bigint NOT NULL DEFAULT 0,
    -- Rows by table.
    counts         jsonb NOT NULL DEFAULT '{}',
    -- When its snapshot was taken: what came later is not in it.
    snapshot_at    timestamptz,
    -- Set when its writing begins, so that the next worker finds what a dead one left.
    blob_url       text,
    bytes          bigint,
    sha256         bytea,
    -- From then on nobody gets it, and the sweep deletes it. NULL: not finished.
    expires_at     timestamptz
);
CREATE INDEX IF NOT EXISTS exports_by_blob ON exports (blob_url) WHERE blob_url IS NOT NULL;
-- tracker_bound gets no right: an export holds what was said in any project.

-- A start or end of a session that an import of an export brought. NULL: it came over the wire, as all others.
ALTER TABLE session_events ADD COLUMN IF NOT EXISTS brought_by integer[];
