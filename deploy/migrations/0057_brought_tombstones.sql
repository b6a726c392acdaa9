-- Tombstones go along with an export, and keep out elsewhere what was erased or dropped (docs/adr/0102). May be run again.

-- A tombstone under any tracker's salt.
CREATE OR REPLACE FUNCTION tombstone_hash(salt bytea, kind text, name text) RETURNS bytea
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN sha256(salt || convert_to(kind || ':' || name, 'UTF8'));

-- The salt of this database, which 0044 wrote into tombstone_key().
DO $$
DECLARE
    own bytea := decode(substring(pg_get_functiondef('tombstone_key(text, text)'::regprocedure) FROM '[0-9a-f]{64}'), 'hex');
BEGIN
    IF tombstone_hash(own, 'session', 'x') IS DISTINCT FROM tombstone_key('session', 'x') THEN
        RAISE 'The salt of tombstone_key() was not found.';
    END IF;
    EXECUTE format('CREATE OR REPLACE FUNCTION tombstone_salt() RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN %L::bytea', own);
END $$;

-- The salts of other trackers, of which imports have brought tombstones.
CREATE TABLE IF NOT EXISTS tombstone_salts (salt bytea PRIMARY KEY CHECK (length(salt) = 32));

ALTER TABLE tombstones
    -- Of a session: whose it was and in which project's path, so that an export of either takes it along. They say nothing once these are gone.
    ADD COLUMN IF NOT EXISTS user_id bigint,
    ADD COLUMN IF NOT EXISTS project_id bigint,
    -- NULL: the salt of this database.
    ADD COLUMN IF NOT EXISTS salt bytea REFERENCES tombstone_salts,
    -- The numbers of the imports that brought it; NULL: it is of this tracker.
    ADD COLUMN IF NOT EXISTS brought_by integer[];

-- All keys that a name can have a tombstone under.
CREATE OR REPLACE FUNCTION tombstone_keys(kind text, name text) RETURNS SETOF bytea LANGUAGE sql STABLE PARALLEL SAFE AS
    'SELECT tombstone_key(kind, name) UNION ALL SELECT tombstone_hash(s.salt, kind, name) FROM tombstone_salts AS s';
