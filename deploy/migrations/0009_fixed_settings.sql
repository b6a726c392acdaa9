-- Settings that what is stored depends on: the first value that is used is kept, whatever a process is told later.
CREATE TABLE fixed_settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);
-- It is shown beside the numbers that were counted with it.
GRANT SELECT ON fixed_settings TO tracker_bound;
