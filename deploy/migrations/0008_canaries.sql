-- Proof of life: what came back of an event that is sent every few seconds through everything that a user's event goes through.
CREATE TABLE canaries (
    id          uuid PRIMARY KEY,
    sent_at     timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX canaries_newest ON canaries (stored_at);
