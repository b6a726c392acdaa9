-- What tool calls gave back, the diffs of file changes, and what a session's timeline has besides messages, calls and changes.

ALTER TABLE tool_calls
    -- What the call gave back, redacted: its beginning and its end. NULL: not known, or not kept.
    ADD COLUMN IF NOT EXISTS result          text,
    -- How many characters were left out, and after how many characters of `result`. NULL: none.
    ADD COLUMN IF NOT EXISTS result_left_out bigint,
    ADD COLUMN IF NOT EXISTS result_cut_at   integer,
    -- What is not text: [{"type": "image/png", "bytes": 1234}].
    ADD COLUMN IF NOT EXISTS result_media    json,
    -- Why a call that did not succeed failed (services/worker/persist/error_classes.toml). NULL: it succeeded, or nothing says why.
    ADD COLUMN IF NOT EXISTS error_class     text,
    -- How long the call waited before it ran, for a permission, where that is known. duration_ms is then the time that it ran.
    ADD COLUMN IF NOT EXISTS wait_ms         bigint CHECK (wait_ms >= 0),
    -- The subagent that the call started: messages.agent_id, and so on, of what it did.
    ADD COLUMN IF NOT EXISTS started_agent   text;
-- Results and parameters are kept, compressed, apart from the rows that stats read.
ALTER TABLE tool_calls SET (toast_tuple_target = 256);

ALTER TABLE activities
    -- The call that made the change.
    ADD COLUMN IF NOT EXISTS tool_call_id   uuid,
    -- A unified diff without its head, from its beginning. NULL: not known.
    ADD COLUMN IF NOT EXISTS patch          text,
    -- How many lines of the diff were left out at its end. NULL: none.
    ADD COLUMN IF NOT EXISTS patch_left_out bigint;
ALTER TABLE activities SET (toast_tuple_target = 256);

-- What happened in a session besides messages, tool calls and file changes. It counts for nothing.
CREATE TABLE IF NOT EXISTS timeline_entries (
    id           uuid PRIMARY KEY,
    session_id   text,
    project_id   bigint NOT NULL,
    user_id      bigint NOT NULL,
    -- thinking, compaction, compaction_summary, command, command_output, interruption, api_error, notice.
    kind         text NOT NULL,
    content      text NOT NULL,
    -- More of it, by its kind: {"trigger": "auto", "tokens_before": 155000}.
    details      json,
    occurred_at  timestamptz NOT NULL,
    agent_id     text,
    source       text,
    brought_by   integer[],
    received_at  timestamptz NOT NULL,
    persisted_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (toast_tuple_target = 256);
CREATE INDEX IF NOT EXISTS timeline_entries_by_session ON timeline_entries (session_id, occurred_at, id) INCLUDE (agent_id, kind);

ALTER TABLE timeline_entries ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON timeline_entries;
CREATE POLICY bound ON timeline_entries FOR SELECT TO tracker_bound USING (project_id = ANY (bound_projects()));
GRANT SELECT ON timeline_entries TO tracker_bound;
