-- Whatever an export brought besides records goes with the undo of its import. May be run again.

-- The numbers of the imports that brought a row; NULL: it is of this tracker, or somebody here has changed it since.
ALTER TABLE project_places ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE project_rules ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE machines ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE session_machines ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE session_marks ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE saved_views ADD COLUMN IF NOT EXISTS brought_by integer[];
ALTER TABLE dropped_texts ADD COLUMN IF NOT EXISTS brought_by integer[];
-- Of a user: the imports that made the name another one's.
ALTER TABLE users ADD COLUMN IF NOT EXISTS brought_by integer[];
