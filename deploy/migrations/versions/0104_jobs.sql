-- Long work in stages (shared/jobs.py has its kinds; services/worker/maintenance/staged_job.py takes the steps).
CREATE TABLE jobs (
    id               uuid PRIMARY KEY,
    kind             text NOT NULL,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    -- Counts only.
    is_dry_run       boolean NOT NULL DEFAULT false,
    -- Of its kind it runs alone, dry runs aside.
    is_exclusive     boolean NOT NULL DEFAULT false,
    -- What it is of, where it is not of everything: names, the ids that they have here, and a range of time. An erasure forgets the names at its end.
    names            text[],
    user_ids         bigint[],
    project_ids      bigint[],
    from_at          timestamptz,
    to_at            timestamptz,
    -- {option: value}, as it was asked for.
    options          jsonb NOT NULL DEFAULT '{}',
    -- {what: how much of it is done}, which may be a level deeper.
    counts           jsonb NOT NULL DEFAULT '{}',
    -- {what it could not reach: what to do about it}
    remains          jsonb NOT NULL DEFAULT '{}',
    -- Which stage is next, and behind which key; committed together with what the step before has changed.
    at_stage         text,
    after_key        text,
    attempts         integer NOT NULL DEFAULT 0,
    -- Renewed with every step; once past, another worker may go on. The token is of who has it: nobody else gets any further.
    lease_expires_at timestamptz,
    lease_token      uuid,
    -- When it last got on.
    moved_at         timestamptz NOT NULL DEFAULT now(),
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz,
    -- Why it failed, in one sentence that says what to do; of one that goes on, why its last step failed.
    failure          text
);
CREATE INDEX jobs_by_time ON jobs (kind, created_at DESC, id DESC);
CREATE INDEX jobs_unfinished ON jobs (created_at) WHERE status IN ('queued', 'running');
CREATE UNIQUE INDEX jobs_exclusive ON jobs (kind) WHERE status IN ('queued', 'running') AND is_exclusive AND NOT is_dry_run;

INSERT INTO jobs (id, kind, status, is_dry_run, options, counts, remains, at_stage, after_key, attempts, moved_at, request_id, created_at, started_at,
    finished_at, failure)
SELECT id, 'scrub', status, is_dry_run,
    jsonb_build_object('text_count', text_count, 'keep_out', keep_out, 'rewrite_large', rewrite_large, 'delete_uploads', delete_uploads),
    jsonb_build_object('rows_scanned', rows_scanned, 'rows_changed', rows_changed, 'redactions', redactions, 'changed_in', changed_in, 'long_locks', long_locks),
    remains, at_stage, after_key, attempts, moved_at, request_id, created_at, started_at, finished_at, failure
FROM scrubs;

INSERT INTO jobs (id, kind, status, is_dry_run, names, user_ids, project_ids, from_at, to_at, options, counts, remains, at_stage, after_key, attempts,
    moved_at, request_id, created_at, started_at, finished_at, failure)
SELECT id, 'erasure', status, is_dry_run, names, user_ids, project_ids, from_at, to_at, jsonb_build_object('of', kind), counts, remains, at_stage, after_key,
    attempts, moved_at, request_id, created_at, started_at, finished_at, failure
FROM erasures;

INSERT INTO jobs (id, kind, status, is_dry_run, is_exclusive, options, counts, at_stage, after_key, attempts, moved_at, request_id, created_at, started_at,
    finished_at, failure)
SELECT id, 'retention', status, is_dry_run, true, jsonb_build_object('rewrite', rewrites, 'is_scheduled', is_scheduled),
    jsonb_strip_nulls(jsonb_build_object('bytes_before', bytes_before, 'bytes_after', bytes_after,
        'changed_tables', (SELECT coalesce(jsonb_object_agg(name, 1), '{}') FROM unnest(changed_tables) AS name))),
    at_stage, after_key, attempts, moved_at, request_id, created_at, started_at, finished_at, failure
FROM retention_runs;

INSERT INTO jobs (id, kind, status, is_dry_run, is_exclusive, from_at, to_at, options, counts, at_stage, after_key, attempts, moved_at, request_id, created_at,
    started_at, finished_at, failure)
SELECT id, 'reprice', status, is_dry_run, true, from_at, to_at, jsonb_strip_nulls(jsonb_build_object('model', model)),
    jsonb_build_object('by_model', (SELECT coalesce(jsonb_object_agg(each ->> 'model', each - 'model'), '{}') FROM jsonb_array_elements(by_model) AS each)),
    at_stage, after_key, attempts, moved_at, request_id, created_at, started_at, finished_at, failure
FROM reprices;

ALTER TABLE scrub_texts DROP CONSTRAINT scrub_texts_scrub_id_fkey, ADD FOREIGN KEY (scrub_id) REFERENCES jobs (id) ON DELETE CASCADE;
ALTER TABLE erasure_sessions DROP CONSTRAINT erasure_sessions_erasure_id_fkey, ADD FOREIGN KEY (erasure_id) REFERENCES jobs (id) ON DELETE CASCADE;
ALTER TABLE retention_counts DROP CONSTRAINT retention_counts_run_id_fkey, ADD FOREIGN KEY (run_id) REFERENCES jobs (id) ON DELETE CASCADE;
DROP TABLE scrubs, erasures, retention_runs, reprices;
