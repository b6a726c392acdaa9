-- name: look
-- Which database it is, which history of it, and what the newest purge is; whether the snapshot is of a time that this history has not had; and which
-- sessions transactions changed that it does not show, in whichever order they committed. A restored copy goes on in another timeline. A dump has
-- numbers of transactions of another server, which may be larger than any of this one.
SELECT c.system_identifier || '/' || d.oid || '/' || p.timeline_id AS database,
    (SELECT coalesce(max(number), 0) FROM search_purges) AS purged,
    coalesce(pg_snapshot_xmax(%(snapshot)s::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) AS is_ahead,
    ARRAY(
        SELECT session_id FROM search_session_changes
        WHERE changed_by >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND changed_by < pg_snapshot_xmax(pg_current_snapshot())
            AND NOT pg_visible_in_snapshot(changed_by, %(snapshot)s::pg_snapshot)
        ORDER BY changed_by DESC, session_id LIMIT %(most)s) AS changed,
    pg_current_snapshot()::text AS snapshot
FROM pg_control_system() AS c, pg_control_checkpoint() AS p, pg_database AS d
WHERE d.datname = current_database()

-- name: all_sessions
-- The newest first: those are asked for most.
SELECT c.session_id FROM search_session_changes AS c LEFT JOIN sessions AS s ON s.session_id = c.session_id
ORDER BY s.last_event_at DESC NULLS LAST, c.session_id

-- name: visible_sessions
-- How many of the sessions there are for whoever asks; of all, if none are named.
SELECT count(*) AS waiting FROM sessions WHERE %(session_ids)s::text[] IS NULL OR session_id = ANY (%(session_ids)s::text[])
