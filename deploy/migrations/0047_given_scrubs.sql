-- Scrubs of given texts, and what is kept out from then on (docs/adr/0090).

ALTER TABLE scrubs
    -- How many texts were given; 0: today's rules are applied.
    ADD COLUMN IF NOT EXISTS text_count     smallint NOT NULL DEFAULT 0,
    -- Whether the texts are kept out when the scrub has ended.
    ADD COLUMN IF NOT EXISTS keep_out       boolean NOT NULL DEFAULT false,
    -- Whether files of tables of any size are written anew, which locks them.
    ADD COLUMN IF NOT EXISTS rewrite_large  boolean NOT NULL DEFAULT false,
    -- Whether uploads of failed imports are deleted.
    ADD COLUMN IF NOT EXISTS delete_uploads boolean NOT NULL DEFAULT false,
    -- {"store": rows that changed in it}
    ADD COLUMN IF NOT EXISTS changed_in     jsonb NOT NULL DEFAULT '{}',
    -- {"table": about how many seconds it would be locked}, of a dry run, for tables that are too large to be written anew unasked.
    ADD COLUMN IF NOT EXISTS long_locks     jsonb NOT NULL DEFAULT '{}';

-- One half of what a running scrub was given: random bytes without the other half, which Redis has. Gone before the scrub writes files anew.
CREATE TABLE IF NOT EXISTS scrub_texts (
    scrub_id  uuid PRIMARY KEY REFERENCES scrubs (id) ON DELETE CASCADE,
    half      bytea NOT NULL,
    -- Where Redis has the other half.
    redis_key text NOT NULL
);

-- Texts that are replaced wherever data comes in: not the texts, but what recognizes them (shared/redaction/text_fingerprints.py).
CREATE TABLE IF NOT EXISTS kept_out_texts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scrub_id    uuid NOT NULL,
    -- False: only until its scrub ends.
    is_for_good boolean NOT NULL,
    fingerprint bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS kept_out_texts_by_scrub ON kept_out_texts (scrub_id);
-- tracker_bound gets no right: only services read them.
