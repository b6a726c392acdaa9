-- What shippers read of Claude Code's own files: the quota, as it is observed, and what its processes do (docs/adr/0093). May be run again.

-- A row for each percentage that was seen of a window: when first, when last. So a window has at most a thousand rows for each source, and any order of
-- arrival ends in the same rows. A window is never computed: what its source says of its reset, to the minute, is its key.
CREATE TABLE IF NOT EXISTS quota_readings (
    -- 0: nobody was named.
    user_id         bigint NOT NULL DEFAULT 0,
    machine_id      text NOT NULL,
    -- A hash, which tells accounts apart. '': a status line, which does not know it.
    account         text NOT NULL DEFAULT '',
    source          text NOT NULL CHECK (source IN ('status_line', 'usage_cache')),
    kind            text NOT NULL,
    resets_at       timestamptz NOT NULL,
    used_percentage numeric NOT NULL,
    first_read_at   timestamptz NOT NULL,
    last_read_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, machine_id, account, source, kind, resets_at, used_percentage)
);
CREATE INDEX IF NOT EXISTS quota_readings_by_reset ON quota_readings (resets_at);

-- The newest status line of each session.
CREATE TABLE IF NOT EXISTS status_lines (
    session_id              text PRIMARY KEY,
    read_at                 timestamptz NOT NULL,
    model                   text,
    client_version          text,
    total_cost_usd          numeric,
    total_duration_ms       bigint,
    total_api_duration_ms   bigint,
    lines_added             bigint,
    lines_removed           bigint,
    context_window_size     bigint,
    context_used_percentage numeric,
    context_tokens          bigint
);

-- The newest of what each client's process says of its session.
CREATE TABLE IF NOT EXISTS session_processes (
    session_id   text NOT NULL,
    machine_id   text NOT NULL,
    pid          integer NOT NULL,
    read_at      timestamptz NOT NULL,
    is_alive     boolean NOT NULL,
    -- Of the state (shared/sessions/session_state.py); NULL: the file says nothing that is known.
    does         text,
    does_since   timestamptz,
    -- By the server's clock.
    heard_at     timestamptz NOT NULL,
    PRIMARY KEY (session_id, machine_id, pid)
);
CREATE INDEX IF NOT EXISTS session_processes_by_pid ON session_processes (machine_id, pid, read_at);

-- Who saw each sign: a hook, a transcript, an event. NULL: it was stored by the release before.
ALTER TABLE session_signs ADD COLUMN IF NOT EXISTS worked_by text;
ALTER TABLE session_signs ADD COLUMN IF NOT EXISTS waits_by text;
ALTER TABLE session_signs ADD COLUMN IF NOT EXISTS replied_by text;
ALTER TABLE session_signs DROP CONSTRAINT IF EXISTS session_signs_waits_for_check;
ALTER TABLE session_signs ADD CONSTRAINT session_signs_waits_for_check
    CHECK (waits_for IN ('permission', 'input', 'error', 'interrupted')) NOT VALID;

-- When the client's process was seen to be gone, of a session that was closed for that.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS gone_at timestamptz;

-- Quota is a person's: keys that are bound to projects alone see none.
ALTER TABLE quota_readings ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON quota_readings;
CREATE POLICY bound ON quota_readings FOR SELECT TO tracker_bound USING (user_id = ANY ((SELECT bound_users())::bigint[]));
ALTER TABLE status_lines ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON status_lines;
CREATE POLICY bound ON status_lines FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = status_lines.session_id));
ALTER TABLE session_processes ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON session_processes;
CREATE POLICY bound ON session_processes FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = session_processes.session_id));
GRANT SELECT ON quota_readings, status_lines, session_processes TO tracker_bound;
