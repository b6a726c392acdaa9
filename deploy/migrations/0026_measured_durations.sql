-- Durations that were measured, apart from those that are only the time between two records of a transcript.

ALTER TABLE tool_rollups
    -- As timed_calls, duration_ms, max_ms and times, of the calls whose duration was measured.
    ADD COLUMN IF NOT EXISTS measured_calls  bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS measured_ms     bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS max_measured_ms bigint,
    ADD COLUMN IF NOT EXISTS measured_times  numeric NOT NULL DEFAULT 0,
    -- Time that calls waited before they ran, and how many say so.
    ADD COLUMN IF NOT EXISTS waited_calls    bigint NOT NULL DEFAULT 0,
    ADD COLUMN IF NOT EXISTS waited_ms       bigint NOT NULL DEFAULT 0;
ALTER TABLE tool_rollups ALTER COLUMN measured_times SET STORAGE MAIN;
