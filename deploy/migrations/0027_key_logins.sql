-- Logins of browsers with an API key: what is in their cookie (docs/adr/0061-a-login-is-a-cookie-of-its-own.md).

CREATE TABLE key_logins (
    id         text PRIMARY KEY,            -- the part of the cookie's token that may be shown
    key_id     text NOT NULL REFERENCES api_keys (id),  -- whose rights it has
    sha256     bytea NOT NULL CHECK (octet_length(sha256) = 32),  -- of the whole token
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX key_logins_of_key ON key_logins (key_id, created_at DESC, id);
CREATE INDEX key_logins_expiry ON key_logins (expires_at);
