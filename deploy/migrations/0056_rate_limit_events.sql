-- The limits that `claude -p` prints are a source of their own (docs/adr/0093). May be run again.

ALTER TABLE quota_readings DROP CONSTRAINT IF EXISTS quota_readings_source_check;
ALTER TABLE quota_readings
    ADD CONSTRAINT quota_readings_source_check CHECK (source IN ('status_line', 'usage_cache', 'rate_limit_event')) NOT VALID;
