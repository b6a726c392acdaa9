-- Jobs that replace secrets in what is stored: by today's rules, or texts that were given (docs/adr/0090).

-- A scrub, and how far it is.
CREATE TABLE scrubs (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    -- Counts only.
    is_dry_run       boolean NOT NULL DEFAULT false,
    rows_scanned     bigint NOT NULL DEFAULT 0,
    rows_changed     bigint NOT NULL DEFAULT 0,
    redactions       jsonb NOT NULL DEFAULT '{}',
    -- Which stage is next, and behind which key; committed together with what was changed.
    at_stage         text,
    after_key        text,
    attempts         integer NOT NULL DEFAULT 0,
    -- Renewed with every chunk; once past, another worker may go on. The token is of who has it: nobody else gets any further.
    lease_expires_at timestamptz,
    lease_token      uuid,
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    finished_at      timestamptz,
    -- {"what": "why it remains, and what to do about it"}
    remains          jsonb NOT NULL DEFAULT '{}',
    -- How many texts were given; 0: today's rules are applied.
    text_count       smallint NOT NULL DEFAULT 0,
    -- Whether the texts are kept out when the scrub has ended.
    keep_out         boolean NOT NULL DEFAULT false,
    -- Whether files of tables of any size are written anew, which locks them.
    rewrite_large    boolean NOT NULL DEFAULT false,
    -- Whether uploads of failed imports are deleted.
    delete_uploads   boolean NOT NULL DEFAULT false,
    -- {"store": rows that changed in it}
    changed_in       jsonb NOT NULL DEFAULT '{}',
    -- {"table": about how many seconds it would be locked}, of a dry run, for tables that are too large to be written anew unasked.
    long_locks       jsonb NOT NULL DEFAULT '{}',
    -- Why it failed, in one sentence that says what to do; of one that goes on, why its last step failed.
    failure          text,
    -- When it last got on.
    moved_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX scrubs_unfinished ON scrubs (created_at) WHERE status IN ('queued', 'running');

-- One half of what a running scrub was given: random bytes without the other half, which Redis has. Gone before the scrub writes files anew.
CREATE TABLE scrub_texts (
    scrub_id  uuid PRIMARY KEY REFERENCES scrubs (id) ON DELETE CASCADE,
    half      bytea NOT NULL,
    -- Where Redis has the other half.
    redis_key text NOT NULL
);

-- Texts that are replaced wherever data comes in: not the texts, but what recognizes them (shared/redaction/text_fingerprints.py).
CREATE TABLE kept_out_texts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scrub_id    uuid NOT NULL,
    -- False: only until its scrub ends.
    is_for_good boolean NOT NULL,
    fingerprint bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX kept_out_texts_by_scrub ON kept_out_texts (scrub_id);
