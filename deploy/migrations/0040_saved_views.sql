-- Addresses of the dashboard that people gave a name: views that all share who see everything (docs/adr/0081).

CREATE TABLE IF NOT EXISTS saved_views (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    -- Path and query of a page, as /usage?range=7d.
    address    text NOT NULL,
    -- The key that saved it; NULL: nobody was asked for one.
    key_id     text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX IF NOT EXISTS saved_views_by_name ON saved_views (lower(name));
-- tracker_bound gets no right: an address holds names and words of any project.
