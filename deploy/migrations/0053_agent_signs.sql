-- The latest signs of what each subagent does now; shared/sessions/agent_state.py makes its state of them (docs/adr/0098). As session_signs, a view of the
-- present: no count depends on it, and the worker deletes what is old. May be run again.

CREATE TABLE IF NOT EXISTS agent_signs (
    session_id    text NOT NULL,
    agent_id      text NOT NULL,
    -- Its first answer, or its hook. 'infinity': only the end of a task of this id was seen, which may be a command.
    began_at      timestamptz NOT NULL DEFAULT 'infinity',
    -- When its last call began.
    called_at     timestamptz NOT NULL DEFAULT '-infinity',
    -- Its start, a call or its end.
    worked_at     timestamptz NOT NULL DEFAULT '-infinity',
    worked_by     text,
    -- Its last words, an error, or what its session was told of its end.
    over_at       timestamptz NOT NULL DEFAULT '-infinity',
    over_as       text NOT NULL DEFAULT 'done' CHECK (over_as IN ('done', 'error', 'interrupted')),
    over_by       text,
    -- The call that started it has answered already, so it does not depend on the turn of its session.
    is_background boolean NOT NULL DEFAULT false,
    -- By the server's clock.
    heard_at      timestamptz NOT NULL,
    PRIMARY KEY (session_id, agent_id)
) WITH (fillfactor = 70);

-- What subagents do is not the session's own work: it ends the wait for a permission that one of them asked for, and no other.
ALTER TABLE session_signs ADD COLUMN IF NOT EXISTS agents_worked_at timestamptz NOT NULL DEFAULT '-infinity';
-- When the client began, as its hook says: subagents from before are gone.
ALTER TABLE session_signs ADD COLUMN IF NOT EXISTS client_started_at timestamptz NOT NULL DEFAULT '-infinity';

ALTER TABLE agent_signs ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON agent_signs;
CREATE POLICY bound ON agent_signs FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = agent_signs.session_id));
GRANT SELECT ON agent_signs TO tracker_bound;
