-- Sums that a bigint might not hold become numeric (docs/adr/0027): nothing that gets in can make adding fail.
-- No other sum can get there, since what one event counts for is bounded (shared/plausible.py).

-- Safe while running: a wide table is rewritten under a lock, some seconds a million cells (docs/adr/0027). Meanwhile events are accepted and wait in
-- the journal; statistics wait, or are 503 with Retry-After. Both releases add to either type and read either.
SET LOCAL statement_timeout = 0;

-- Safe while running: see above.
ALTER TABLE activity_rollups
    ALTER COLUMN wall_us TYPE numeric,
    ALTER COLUMN cost_nano_usd TYPE numeric;

-- Safe while running: see above.
ALTER TABLE usage_rollups ALTER COLUMN cost_nano_usd TYPE numeric;
