-- The latest signs of what each session does now; shared/session_state.py makes its state of them. A view of the present: no count depends on it, and
-- imports, undo and reparse leave it. The worker deletes what is old.

CREATE TABLE session_signs (
    session_id  text PRIMARY KEY,
    -- A prompt, a call or its end: the session worked.
    worked_at   timestamptz NOT NULL DEFAULT '-infinity',
    -- A hook or a line of a transcript said that it waits. A session of which nothing else is known waits for its first prompt.
    waits_since timestamptz NOT NULL DEFAULT '-infinity',
    waits_for   text NOT NULL DEFAULT 'input' CHECK (waits_for IN ('permission', 'input', 'error')),
    -- Claude Code reminded of its person.
    idle_at     timestamptz NOT NULL DEFAULT '-infinity',
    -- Claude's last words.
    replied_at  timestamptz NOT NULL DEFAULT '-infinity',
    -- The last prompt, or the client's start: what ran before it does not run any more.
    prompted_at timestamptz NOT NULL DEFAULT '-infinity',
    -- Hooks tell of it, so they tell when a turn is over.
    is_hooked   boolean NOT NULL DEFAULT false,
    -- By the server's clock.
    heard_at    timestamptz NOT NULL
) WITH (fillfactor = 70);

ALTER TABLE session_signs ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON session_signs FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = session_signs.session_id));
GRANT SELECT ON session_signs TO tracker_bound;
