-- name: replayed
-- A checkpoint writes WAL without a transaction, and nothing readable is missing then; hence the time, too.
-- A server that is no replica has replayed nothing, and nothing is missing.
SELECT greatest(pg_wal_lsn_diff(CAST(%(written)s AS pg_lsn), pg_last_wal_replay_lsn()), 0)::bigint AS wal_bytes,
       coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::float8 AS seconds
