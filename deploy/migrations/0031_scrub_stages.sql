-- Scrubs go over every store, and say what remains.

ALTER TABLE scrubs
    -- The name of the stage that is being read, behind `after_key`. `stage` is a number of an older release, which would begin again.
    ADD COLUMN IF NOT EXISTS at_stage text,
    -- {"what": "why it remains, and what to do about it"}
    ADD COLUMN IF NOT EXISTS remains  jsonb NOT NULL DEFAULT '{}';
