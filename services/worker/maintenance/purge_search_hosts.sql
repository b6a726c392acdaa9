-- name: ask
-- A host that makes its index anew has done what older purges asked for too.
WITH older AS (DELETE FROM search_purges)
INSERT INTO search_purges DEFAULT VALUES RETURNING number, pg_current_snapshot()::text

-- name: forget_changes
-- Each index was made behind the snapshot, and has none of these sessions. One that comes again is noted again, so a locked row may stay.
DELETE FROM search_session_changes WHERE session_id IN (
    SELECT session_id FROM search_session_changes AS c
    WHERE pg_visible_in_snapshot(changed_by, %(snapshot)s::pg_snapshot) AND NOT EXISTS (SELECT FROM sessions AS s WHERE s.session_id = c.session_id)
    FOR UPDATE SKIP LOCKED)
