-- What a person notes of a session: a star, tags, a note, a title. It is nobody's row but the person's: imports, undo and reparse leave it.

CREATE TABLE IF NOT EXISTS session_marks (
    session_id text PRIMARY KEY,
    is_starred boolean NOT NULL DEFAULT false,
    tags       text[] NOT NULL DEFAULT '{}',
    -- Of each tag in its place what it is compared by: shared/session_tags.py.
    tag_keys   text[] NOT NULL DEFAULT '{}',
    note       text,
    -- Shown instead of the session's own.
    title      text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS session_marks_starred ON session_marks (session_id) WHERE is_starred;
CREATE INDEX IF NOT EXISTS session_marks_by_tag ON session_marks USING gin (tag_keys);

ALTER TABLE session_marks ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON session_marks;
CREATE POLICY bound ON session_marks FOR SELECT TO tracker_bound USING (EXISTS (
    SELECT FROM sessions AS s WHERE s.session_id = session_marks.session_id));
GRANT SELECT ON session_marks TO tracker_bound;
