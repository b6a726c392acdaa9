-- name: tables
-- All that have a file, so that a new one cannot be forgotten. Where VACUUM has emptied a table, its indexes still have deleted keys.
-- At last the statistics of columns, which have some of their values.
SELECT concat_ws('.', relnamespace::regnamespace, relname), pg_total_relation_size(oid), has_table_privilege(oid, 'MAINTAIN') FROM pg_class
WHERE (relnamespace = 'public'::regnamespace AND relkind = 'r' OR oid = 'pg_statistic'::regclass) AND pg_total_relation_size(oid) > 0
ORDER BY oid = 'pg_statistic'::regclass, relname COLLATE "C"
