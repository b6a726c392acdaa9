-- name: look
-- The database and its history, and the number of the newest purge. Whether the snapshot is of a time that this history has not had, or of one
-- behind which notes are gone. The notes that the index does not have: number of rows, oldest time, and the newest notes. A restored copy goes on
-- in another timeline. A dump has numbers of transactions of another server, which may be larger than any of this one.
WITH behind AS MATERIALIZED (
    SELECT number, noted_at, greatest(row_count, 1) AS row_count FROM search_changes
    WHERE changed_by >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND changed_by < pg_snapshot_xmax(pg_current_snapshot())
        AND NOT pg_visible_in_snapshot(changed_by, %(snapshot)s::pg_snapshot)
        AND NOT (number <= %(done)s AND pg_visible_in_snapshot(changed_by, %(target)s::pg_snapshot))
    ORDER BY changed_by DESC LIMIT %(most_notes)s
), newest AS (
    SELECT number FROM (SELECT number, sum(row_count) OVER (ORDER BY number DESC) - row_count AS newer FROM behind) AS b WHERE newer < %(most_rows)s
)
SELECT c.system_identifier || '/' || d.oid || '/' || p.timeline_id AS database,
    (SELECT coalesce(max(number), 0) FROM search_purges) AS purged,
    coalesce(pg_snapshot_xmax(%(snapshot)s::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) AS is_ahead,
    EXISTS (SELECT FROM search_changes_kept
        WHERE since > pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND since <= pg_snapshot_xmax(pg_current_snapshot())) AS is_too_old,
    pg_current_snapshot()::text AS snapshot,
    (SELECT coalesce(sum(row_count), 0)::bigint FROM behind) AS rows_behind,
    (SELECT extract(epoch FROM min(noted_at))::float8 FROM behind) AS behind_since,
    (SELECT coalesce(json_agg(json_build_array(number, kind, keys, session_ids) ORDER BY number DESC), '[]')::text
     FROM search_changes WHERE number IN (SELECT number FROM newest)) AS newest
FROM pg_control_system() AS c, pg_control_checkpoint() AS p, pg_database AS d
WHERE d.datname = current_database()

-- name: notes
-- The first notes that one snapshot shows and the other does not, of about so many rows; and how many more there are.
WITH behind AS MATERIALIZED (
    SELECT number, greatest(row_count, 1) AS row_count FROM search_changes
    WHERE changed_by >= pg_snapshot_xmin(%(snapshot)s::pg_snapshot) AND changed_by < pg_snapshot_xmax(%(target)s::pg_snapshot)
        AND NOT pg_visible_in_snapshot(changed_by, %(snapshot)s::pg_snapshot) AND pg_visible_in_snapshot(changed_by, %(target)s::pg_snapshot)
        AND number > %(done)s
), first AS (
    SELECT number FROM (SELECT number, sum(row_count) OVER (ORDER BY number) - row_count AS older FROM behind) AS b WHERE older < %(most_rows)s
)
SELECT number, kind, keys, session_ids, (SELECT count(*) FROM behind) - (SELECT count(*) FROM first) AS more
FROM search_changes WHERE number IN (SELECT number FROM first) ORDER BY number

-- name: visible_sessions
-- The number of those sessions that the connection may see; of all, if none are named.
SELECT count(*) AS waiting FROM sessions WHERE counted AND (%(session_ids)s::text[] IS NULL OR session_id = ANY (%(session_ids)s::text[]))
