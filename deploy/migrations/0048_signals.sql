-- What Claude Code tells by OpenTelemetry (docs/adr/0091-telemetry-is-stored-as-signals.md). May be run again.

CREATE TABLE IF NOT EXISTS signals (
    -- Of a log record: of its session, time and sequence. Of a metric's point: of its name, attributes, start and time. Sent again, it is the same.
    id            uuid PRIMARY KEY,
    -- Perhaps no session has rows yet: a signal makes none.
    session_id    text NOT NULL,
    kind          text NOT NULL,
    name          text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    -- The id of the call in tool_calls, whether it is there or not.
    tool_call_id  uuid,
    -- Of a metric. What it counted since started_at; of one that is not cumulative, until occurred_at.
    value         double precision,
    started_at    timestamptz,
    is_cumulative boolean,
    -- Only those that ingest lists (services/ingest/telemetry/kept_attributes.py).
    attributes    jsonb NOT NULL DEFAULT '{}',
    user_name     text,
    bound_user    text,
    received_at   timestamptz NOT NULL,
    request_id    text,
    -- Whether the stored call, if there is one, has not been told of it yet.
    is_new        boolean NOT NULL
);
CREATE INDEX IF NOT EXISTS signals_of_sessions ON signals (session_id, occurred_at, id);
CREATE INDEX IF NOT EXISTS signals_of_calls ON signals (tool_call_id) WHERE tool_call_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS new_signals ON signals (received_at) WHERE is_new;

-- Those of sessions that a key reads. What another user's key brought is hidden from all readers by their queries, as files are (is_file_of).
ALTER TABLE signals ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON signals;
CREATE POLICY bound ON signals FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = signals.session_id OFFSET 0));
GRANT SELECT ON signals TO tracker_bound;
