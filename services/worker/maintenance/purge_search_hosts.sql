-- name: has_ended
-- True if all transactions have ended that were open in the snapshot.
SELECT pg_snapshot_xmin(pg_current_snapshot()) >= pg_snapshot_xmax(%(snapshot)s::pg_snapshot)

-- name: ask
-- A host that makes its index anew has done what older purges asked for too.
WITH older AS (DELETE FROM search_purges)
INSERT INTO search_purges DEFAULT VALUES RETURNING number, pg_current_snapshot()::text

-- name: forget_changes
-- Each index was made behind the snapshot, so none needs these.
WITH kept AS (
    INSERT INTO search_changes_kept AS k (since) VALUES (pg_snapshot_xmin(%(snapshot)s::pg_snapshot))
    ON CONFLICT (is_one) DO UPDATE SET since = excluded.since WHERE k.since NOT BETWEEN excluded.since AND pg_snapshot_xmax(pg_current_snapshot())
)
DELETE FROM search_changes
WHERE changed_by < pg_snapshot_xmax(%(snapshot)s::pg_snapshot) AND pg_visible_in_snapshot(changed_by, %(snapshot)s::pg_snapshot)
