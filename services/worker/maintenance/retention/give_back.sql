-- name: begin_changes
-- Postgres may still count what the connection's last transactions have changed. This is remembered until the transaction ends.
SELECT set_config('tracker.changes_before', coalesce(jsonb_object_agg(relname, n_tup_upd + n_tup_del), '{}')::text, true) FROM pg_stat_xact_user_tables

-- name: changed_tables
-- Those that this transaction has deleted from or emptied, and where rows went by a trigger or a foreign key.
SELECT t.relname::text FROM pg_stat_xact_user_tables AS t, (SELECT nullif(current_setting('tracker.changes_before', true), '')::jsonb AS counts) AS before
WHERE t.schemaname = 'public' AND t.n_tup_upd + t.n_tup_del > coalesce((before.counts ->> t.relname)::bigint, 0) AND before.counts IS NOT NULL

-- name: tables
-- In the order of their names.
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname > %(after)s COLLATE "C"
  AND relname IN (SELECT jsonb_object_keys(counts -> 'changed_tables') FROM jobs WHERE id = %(run_id)s)
ORDER BY relname COLLATE "C" LIMIT 1
