-- Redaction: what imports replaced, and jobs that apply newer rules to what is stored.

-- {"kind": how many}: secrets that were replaced before the rows were stored.
ALTER TABLE import_jobs ADD COLUMN redactions jsonb NOT NULL DEFAULT '{}';

CREATE TABLE scrubs (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    -- Counts only.
    is_dry_run       boolean NOT NULL DEFAULT false,
    rows_scanned     bigint NOT NULL DEFAULT 0,
    rows_changed     bigint NOT NULL DEFAULT 0,
    redactions       jsonb NOT NULL DEFAULT '{}',
    -- Which of the worker's tables is being read, and behind which row of it; committed together with the rows that were changed.
    stage            smallint NOT NULL DEFAULT 0,
    after_key        text,
    attempts         integer NOT NULL DEFAULT 0,
    -- Renewed with every chunk; once past, another worker may go on. The token is of who has it: nobody else gets any further.
    lease_expires_at timestamptz,
    lease_token      uuid,
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz
);
CREATE INDEX scrubs_unfinished ON scrubs (created_at) WHERE status IN ('queued', 'running');
