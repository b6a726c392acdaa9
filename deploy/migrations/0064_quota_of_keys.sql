-- A reading of the quota names the key that sent it, which alone can overrule it with an older one (docs/adr/0093). May be run again.

ALTER TABLE quota_readings
    -- The id of the key; '': none was needed.
    ADD COLUMN IF NOT EXISTS key_id text NOT NULL DEFAULT '';
ALTER TABLE quota_readings
    DROP CONSTRAINT IF EXISTS quota_readings_pkey,
    ADD PRIMARY KEY (user_id, machine_id, key_id, account, source, kind, resets_at, used_percentage);
