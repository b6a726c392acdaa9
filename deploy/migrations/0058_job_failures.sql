-- Why a job failed, and when it last got on (services/worker/maintenance/staged_job.py). May be run again.

ALTER TABLE scrubs
    -- In one sentence, what to do; of a job that goes on, why its last step failed.
    ADD COLUMN IF NOT EXISTS failure text,
    ADD COLUMN IF NOT EXISTS moved_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE erasures
    ADD COLUMN IF NOT EXISTS failure text,
    ADD COLUMN IF NOT EXISTS moved_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE retention_runs
    ADD COLUMN IF NOT EXISTS failure text,
    ADD COLUMN IF NOT EXISTS moved_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE reprices
    ADD COLUMN IF NOT EXISTS failure text,
    ADD COLUMN IF NOT EXISTS moved_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE import_shares ADD COLUMN IF NOT EXISTS moved_at timestamptz NOT NULL DEFAULT now();

-- Of a merge that failed; it is tried again an hour after it was requested or tried last.
ALTER TABLE users ADD COLUMN IF NOT EXISTS merge_failure text;
ALTER TABLE projects ADD COLUMN IF NOT EXISTS rekey_failure text;
