-- The journal's accounts, what could not be stored, and proof of life.

-- Events that could not be stored, and can be replayed. A letter whose event is stored stays as a line without payload, so that a replay that is asked
-- for again finds its answer.
CREATE TABLE dead_letters (
    id               uuid PRIMARY KEY DEFAULT uuidv7(),
    event_id         uuid,
    kind             text NOT NULL,
    reason           text NOT NULL,
    sqlstate         text,
    payload          bytea NOT NULL,
    attempts         integer NOT NULL DEFAULT 1,
    journal_entry_id text NOT NULL,
    request_id       text,
    received_at      timestamptz,
    first_seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    replayed_at      timestamptz,               -- when it was last put back on the journal
    replays          integer NOT NULL DEFAULT 0,
    stored_at        timestamptz,               -- when the worker stored its event; NULL: it waits
    -- What the API key was bound to that brought the event: {"user": "ann", "project_ids": [7]}. A replay may not do more than the key could.
    bound            jsonb,
    -- An entry that is delivered again does not make a second dead letter.
    UNIQUE NULLS NOT DISTINCT (journal_entry_id, event_id)
);
-- Small, whatever has been stored since: what waits, by reason, and by event.
CREATE INDEX dead_letters_waiting ON dead_letters (kind, reason, id) WHERE stored_at IS NULL;
CREATE INDEX dead_letters_waiting_by_event ON dead_letters (event_id) WHERE stored_at IS NULL;

-- What became of the journal's events; a row a drain slot, so that drains do not wait for each other
CREATE TABLE ledger (
    slot             smallint PRIMARY KEY,
    persisted        bigint NOT NULL DEFAULT 0,
    duplicates       bigint NOT NULL DEFAULT 0,
    dead             bigint NOT NULL DEFAULT 0,
    last_received_at timestamptz,
    -- Events of what has a tombstone: acknowledged, and not stored.
    left_out         bigint NOT NULL DEFAULT 0
);

-- What the ledger says of all events that ever were, by journal: a journal that was replaced has another epoch.
-- A row a drain slot, as in the ledger.
CREATE TABLE accounts (
    epoch      text NOT NULL,
    slot       smallint NOT NULL,
    persisted  bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    dead       bigint NOT NULL DEFAULT 0,
    left_out   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, slot)
) WITH (fillfactor = 70);

-- Who drains the journal. Its row is locked while it persists a batch, which is how others know that it is at work; once it is fenced it
-- can commit no more, and `applied` is final.
CREATE TABLE drainers (
    consumer      text PRIMARY KEY,             -- its name in the journal's consumer group; never used again by another
    is_fenced     boolean NOT NULL DEFAULT false,
    applied       text[] NOT NULL DEFAULT '{}',  -- the entries of its last committed batch: 'stream epoch id'
    registered_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Proof of life: what came back of an event that is sent every few seconds through everything that a user's event goes through.
CREATE TABLE canaries (
    id          uuid PRIMARY KEY,
    sent_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX canaries_newest ON canaries (stored_at);

-- Settings that what is stored depends on: the first value that is used is kept, whatever a process is told later.
CREATE TABLE fixed_settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
