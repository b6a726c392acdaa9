-- What Claude Code writes and nothing reads, by its version (docs/adr/0096). Names of types and fields alone, never a value.

CREATE TABLE IF NOT EXISTS unread_formats (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Of Claude Code; '(unknown)' if nothing says it, '(other)' behind the most rows that are kept.
    version       text NOT NULL,
    -- record, system, attachment, progress, block, field, hook or hook_field (services/worker/importers/formats/known_formats.py).
    kind          text NOT NULL,
    name          text NOT NULL,
    -- Of a field: how many of the records have it that were looked at.
    count         bigint NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (version, kind, name)
);
-- tracker_bound gets no right: it belongs to no session.
