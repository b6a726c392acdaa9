-- name: database
-- An ordinary role cannot see the kind of another role's connection, only whether it is one to a database.
SELECT pg_database_size(current_database()) AS bytes, (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS connections,
    current_setting('max_connections')::int AS max_connections
