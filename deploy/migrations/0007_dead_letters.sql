-- Dead letters that can be replayed. A letter whose event is stored stays as a line without payload, so that a replay that is asked for again finds its answer.

ALTER TABLE dead_letters
    ADD COLUMN replayed_at timestamptz,              -- when it was last put back on the journal
    ADD COLUMN replays     integer NOT NULL DEFAULT 0,
    ADD COLUMN stored_at   timestamptz;              -- when the worker stored its event; NULL: it waits

-- Small, whatever has been stored since: what waits, by reason, and by event.
CREATE INDEX dead_letters_waiting ON dead_letters (kind, reason, id) WHERE stored_at IS NULL;
CREATE INDEX dead_letters_waiting_by_event ON dead_letters (event_id) WHERE stored_at IS NULL;
