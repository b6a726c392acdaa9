-- name: begin_changes
-- Postgres may still count what the connection's last transactions have changed. This is remembered until the transaction ends.
SELECT set_config('tracker.changes_before', coalesce(jsonb_object_agg(relname, n_tup_upd + n_tup_del), '{}')::text, true) FROM pg_stat_xact_user_tables

-- name: note_changes
-- What this transaction has deleted or emptied, and what went by a trigger or a foreign key. Each step writes the run's own row.
WITH changed AS (
    SELECT array_agg(t.relname::text) AS tables
    FROM pg_stat_xact_user_tables AS t, (SELECT nullif(current_setting('tracker.changes_before', true), '')::jsonb AS counts) AS before
    WHERE t.schemaname = 'public' AND t.n_tup_upd + t.n_tup_del > coalesce((before.counts ->> t.relname)::bigint, 0)
      AND before.counts IS NOT NULL AND (t.relname <> 'retention_runs' OR t.n_tup_del > 0)
)
UPDATE retention_runs SET changed_tables = ARRAY(SELECT unnest(changed_tables) UNION SELECT unnest(tables)) FROM changed
WHERE id = %(id)s AND NOT changed_tables @> tables

-- name: tables
-- In the order of their names.
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname > %(after)s COLLATE "C"
  AND relname IN (SELECT unnest(changed_tables) FROM retention_runs WHERE id = %(run_id)s)
ORDER BY relname COLLATE "C" LIMIT 1
