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

-- Since 2.1.332 transcripts say who allowed a call and whether it ran in a sandbox. NULL: nothing says it.
ALTER TABLE tool_calls
    ADD COLUMN IF NOT EXISTS decision        text,     -- accept, reject, cancelled or other
    ADD COLUMN IF NOT EXISTS decision_source text,     -- what decided: DecisionSource of services/worker/persist/records.py
    ADD COLUMN IF NOT EXISTS is_sandboxed    boolean;
-- And with how much effort an answer was made, and how long Claude thought in it.
ALTER TABLE api_calls
    ADD COLUMN IF NOT EXISTS effort          text,     -- low, medium, high, xhigh, max or other
    ADD COLUMN IF NOT EXISTS thinking_ms     bigint;
