-- Exact accounting: what became of each journal's events, and which entries are committed but perhaps not yet acknowledged.

-- What the ledger says of all events that ever were, by journal: a journal that was replaced has another epoch.
-- A row a drain slot, so that drains do not wait for each other. The ledger itself stays as the versions before know it.
CREATE TABLE accounts (
    epoch      text NOT NULL,
    slot       smallint NOT NULL,
    persisted  bigint NOT NULL DEFAULT 0,
    duplicates bigint NOT NULL DEFAULT 0,
    dead       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (epoch, slot)
) WITH (fillfactor = 70);

-- Who drains the journal. Its row is locked while it persists a batch, which is how others know that it is at work; once it is fenced it
-- can commit no more, and `applied` is final.
CREATE TABLE drainers (
    consumer      text PRIMARY KEY,            -- its name in the journal's consumer group; never used again by another
    is_fenced     boolean NOT NULL DEFAULT false,
    applied       text[] NOT NULL DEFAULT '{}', -- the entries of its last committed batch: 'stream epoch id'
    registered_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
