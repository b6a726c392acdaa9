-- The scope `numbers`: as `metrics`, with the names of projects.

-- Safe while running: the table has a row for each API key, so the check takes no time. Both releases write scopes that it allows.
ALTER TABLE api_keys
    DROP CONSTRAINT api_keys_scopes_check,
    ADD CONSTRAINT api_keys_scopes_check CHECK (scopes <> '{}' AND scopes <@ ARRAY['ingest', 'read', 'numbers', 'metrics', 'admin']);
