-- API keys, logins with them, and who did what with the power of an admin.

-- docs/adr/0012
CREATE TABLE api_keys (
    id           text PRIMARY KEY,              -- the part of the key that may be shown
    name         text NOT NULL,
    sha256       bytea NOT NULL CHECK (octet_length(sha256) = 32),  -- of the whole key; the key itself is kept nowhere
    scopes       text[] NOT NULL CHECK (scopes <> '{}' AND scopes <@ ARRAY['ingest', 'read', 'numbers', 'metrics', 'admin']),
    user_name    text,                          -- what it writes is this user's; NULL: whoever the writing says
    project_ids  bigint[] CHECK (project_ids <> '{}'),  -- what it reads is of these projects; NULL: of all
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz,                   -- to about a minute
    revoked_at   timestamptz,
    -- Several users, whose sessions the key reads; of one user, user_name has it.
    user_names   text[],
    CONSTRAINT api_keys_user_names_check
        CHECK (user_names IS NULL OR cardinality(user_names) > 1 AND user_name IS NULL AND NOT scopes && ARRAY['ingest', 'admin']),
    -- Who may make keys may make any.
    CHECK (NOT 'admin' = ANY(scopes) OR (user_name IS NULL AND project_ids IS NULL))
);

-- What is in the cookies of browsers that logged in with a key (docs/adr/0061-a-login-is-a-cookie-of-its-own.md).
CREATE TABLE key_logins (
    id         text PRIMARY KEY,                -- the part of the cookie's token that may be shown
    key_id     text NOT NULL REFERENCES api_keys (id),  -- whose rights it has
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),  -- of the whole token
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX key_logins_expiry ON key_logins (expires_at);
CREATE INDEX key_logins_of_key ON key_logins (key_id, created_at DESC, id);

-- Written in the transaction of the act itself
CREATE TABLE audit_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    who        text NOT NULL,                   -- a key's id; 'open': nobody was asked for one; 'machine': a command beside the database
    act        text NOT NULL,                   -- 'key.create', 'import.undo', …
    subject    text,                            -- the id of what it was done to
    details    jsonb NOT NULL DEFAULT '{}',
    request_id text
);
