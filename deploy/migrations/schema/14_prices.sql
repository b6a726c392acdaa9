-- What tokens cost, in use: the price list, and prices of one's own that come before it (docs/adr/0095-own-prices-come-before-the-list.md).

-- Prices in US dollars for a million tokens, of web searches for a thousand. `list` is what the workers' price list says; they write it when they
-- start with another one, and so they do with those of their file (TRACKER_PRICES). Those of `api` are set by PUT /api/prices.
CREATE TABLE prices (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source             text NOT NULL CHECK (source IN ('list', 'file', 'api')),
    -- The name of a model, or a pattern: * stands for any text.
    model              text NOT NULL,
    tier               text NOT NULL CHECK (tier IN ('standard', 'fast')),
    -- NULL: always.
    valid_from         date,
    -- Only for calls of more input than this.
    above_input_tokens bigint NOT NULL DEFAULT 0,
    input_usd          numeric NOT NULL,
    output_usd         numeric NOT NULL,
    cache_write_5m_usd numeric NOT NULL,
    cache_write_1h_usd numeric NOT NULL,
    cache_read_usd     numeric NOT NULL,
    web_search_usd     numeric NOT NULL,
    -- What a call that it prices has as its price_version.
    version            text NOT NULL,
    -- The key that set it; NULL: nobody was asked for one, or a worker wrote it.
    key_id             text,
    changed_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (source, model, tier, valid_from, above_input_tokens)
);

-- One row: which prices there are now, so that a worker sees that they have changed without reading them. `of_workers`: what the workers wrote last,
-- as the version of their list and a hash of their file.
CREATE TABLE price_state (
    only_row   boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version    uuid NOT NULL DEFAULT gen_random_uuid(),
    of_workers text
);

-- Nobody can change a price and forget it.
CREATE FUNCTION note_changed_prices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO price_state AS s (only_row) VALUES (true) ON CONFLICT (only_row) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$;
CREATE TRIGGER prices_changed AFTER INSERT OR UPDATE OR DELETE ON prices FOR EACH STATEMENT EXECUTE FUNCTION note_changed_prices();

-- Runs that price stored calls anew. Of all calls: from_at and to_at NULL, and model NULL (else a pattern, as in prices).
CREATE TABLE reprices (
    id               uuid PRIMARY KEY,
    status           text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    -- Counts only.
    is_dry_run       boolean NOT NULL,
    from_at          timestamptz,
    to_at            timestamptz,
    model            text,
    -- Which stage is next, and behind which key; committed together with what the step before has changed.
    at_stage         text,
    after_key        text,
    -- What it has looked at and changed, or would change: a list of the counts of services/worker/maintenance/reprice.py, one for each model.
    by_model         jsonb NOT NULL DEFAULT '[]',
    attempts         integer NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    lease_token      uuid,
    request_id       text,
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at       timestamptz,
    finished_at      timestamptz,
    -- Why it failed, in one sentence that says what to do; of one that goes on, why its last step failed.
    failure          text,
    -- When it last got on.
    moved_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX reprices_by_time ON reprices (created_at DESC, id DESC);
-- One at a time, so that each says what it has changed itself.
CREATE UNIQUE INDEX reprices_one ON reprices (is_dry_run) WHERE status IN ('queued', 'running') AND NOT is_dry_run;
CREATE INDEX reprices_unfinished ON reprices (created_at) WHERE status IN ('queued', 'running');
