-- name: tables
-- All that have anything in a file, so that a new one cannot be forgotten, behind a table. Where VACUUM has emptied a table, its indexes still have
-- deleted keys: only the one page of a new btree has none. At last the statistics of columns, which have some of their values.
SELECT name, pg_total_relation_size(oid), has_table_privilege(oid, 'MAINTAIN')
FROM (SELECT oid, reltoastrelid, concat_ws('.', relnamespace::regnamespace, relname) COLLATE "C" AS name, oid = 'pg_statistic'::regclass AS is_last
      FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' OR oid = 'pg_statistic'::regclass
      ORDER BY is_last, name) AS each
WHERE (is_last, name) > (%(after)s = 'pg_catalog.pg_statistic', %(after)s)
  AND (pg_relation_size(oid) > 0 OR reltoastrelid <> 0 AND pg_relation_size(reltoastrelid) > 0
       OR EXISTS (SELECT FROM pg_index JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = index.relam
                  WHERE indrelid = each.oid AND (amname <> 'btree' OR pg_relation_size(indexrelid) > current_setting('block_size')::int)))
ORDER BY is_last, name
LIMIT %(most)s
