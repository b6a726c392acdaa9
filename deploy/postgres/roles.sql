-- The roles of the database `tracker`: who owns it, and for each service one that can do what the service does. Run by the superuser when the
-- database is made, and again to set new passwords (docs/how-to/runbook.md):
--   docker compose exec postgres psql -U postgres -d tracker -f /docker-entrypoint-initdb.d/roles.sql
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\getenv owner_password TRACKER_POSTGRES_OWNER_PASSWORD
\getenv ingest_password TRACKER_POSTGRES_INGEST_PASSWORD
\getenv query_password TRACKER_POSTGRES_QUERY_PASSWORD
\getenv worker_password TRACKER_POSTGRES_WORKER_PASSWORD

SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY['tracker', 'tracker_ingest', 'tracker_query', 'tracker_worker', 'tracker_bound']) AS name
WHERE to_regrole(name) IS NULL \gexec

-- Migrates, and is who a person is at `psql`: sees and may end the sessions of the others.
ALTER ROLE tracker LOGIN PASSWORD :'owner_password';
GRANT pg_monitor, pg_signal_backend TO tracker;
-- Row security is for keys that are bound to projects: the query service takes on tracker_bound for them, by its own will.
ALTER ROLE tracker_ingest LOGIN BYPASSRLS PASSWORD :'ingest_password';
ALTER ROLE tracker_query LOGIN BYPASSRLS PASSWORD :'query_password';
ALTER ROLE tracker_worker LOGIN BYPASSRLS PASSWORD :'worker_password';
GRANT tracker_bound TO tracker, tracker_query WITH INHERIT FALSE, SET TRUE;

ALTER DATABASE tracker OWNER TO tracker;
REVOKE ALL ON DATABASE tracker FROM PUBLIC;
GRANT CONNECT ON DATABASE tracker TO tracker_ingest, tracker_query, tracker_worker;
-- Its batches go through temporary tables.
GRANT TEMPORARY ON DATABASE tracker TO tracker_worker;
GRANT USAGE ON SCHEMA public TO tracker_ingest, tracker_query, tracker_worker;

-- A scrub writes anew what has values of rows, and has it written to the disk.
GRANT MAINTAIN ON pg_catalog.pg_statistic TO tracker_worker;
GRANT pg_checkpoint TO tracker_worker;

-- Rights of each on tables: deploy/migrations/grants.py. The migration gives it to the roles that there are; run it again if
-- the roles were made later.

-- Only a superuser may say that this function tells nothing of what it sees (17_bound_keys.sql says why it matters).
ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF;
