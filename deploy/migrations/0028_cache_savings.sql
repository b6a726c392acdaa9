-- What the prompt cache saved (services/worker/persist/pricing.py). Calls that are stored already have NULL until the worker has gone over them
-- (services/worker/maintenance/fill_savings.py), and so have the calls that workers of an older release store meanwhile.

ALTER TABLE api_calls
    -- What the input would have cost without a prompt cache. NULL: not known, as cost_nano_usd, or not yet.
    ADD COLUMN IF NOT EXISTS uncached_nano_usd    bigint,
    -- That, minus what the input did cost. Negative where the cache was written and never read.
    ADD COLUMN IF NOT EXISTS cache_saved_nano_usd bigint;

-- Sums over the calls of which it is known, and how many these are. A call of an older worker adds nothing to any of them.
ALTER TABLE sessions
    ADD COLUMN IF NOT EXISTS cache_priced_calls   bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS uncached_nano_usd    bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_saved_nano_usd bigint NOT NULL DEFAULT 0;
ALTER TABLE activity_rollups
    ADD COLUMN IF NOT EXISTS cache_priced_calls   bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS uncached_nano_usd    numeric NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_saved_nano_usd numeric NOT NULL DEFAULT 0;
ALTER TABLE usage_rollups
    ADD COLUMN IF NOT EXISTS cache_priced_calls   bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS uncached_nano_usd    numeric NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS cache_saved_nano_usd numeric NOT NULL DEFAULT 0;
