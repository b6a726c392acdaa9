-- Who allowed a call: one decision, of transcript or telemetry, by their rank (docs/adr/0099); and windows of the quota that are over. May be run again.

ALTER TABLE tool_calls
    ADD COLUMN IF NOT EXISTS decision_told_by text,          -- transcript or telemetry; NULL: there is no decision
    ADD COLUMN IF NOT EXISTS decided_at       timestamptz,   -- as telemetry says; NULL: a transcript does not say it
    -- How long a person was asked; only telemetry says it.
    ADD COLUMN IF NOT EXISTS decision_wait_ms bigint;
UPDATE tool_calls SET decision_told_by = 'transcript' WHERE decision IS NOT NULL AND decision_told_by IS NULL;

-- The spans of waits for a permission, which do not always name their call.
CREATE INDEX IF NOT EXISTS signals_of_waits ON signals (session_id) WHERE name = 'tool.blocked_on_user';
-- Calls that are stored are told once more.
UPDATE signals SET is_new = true WHERE name IN ('tool_decision', 'tool.blocked_on_user') AND NOT is_new;

-- Of windows that are over, of each five points the highest percentage stays (services/worker/drain/store_readings.sql).
DELETE FROM quota_readings AS q
WHERE EXISTS (
        SELECT FROM quota_readings AS n
        WHERE (n.user_id, n.machine_id, n.account, n.source, n.kind) = (q.user_id, q.machine_id, q.account, q.source, q.kind)
          AND n.resets_at > q.resets_at)
  AND EXISTS (
        SELECT FROM quota_readings AS o
        WHERE (o.user_id, o.machine_id, o.account, o.source, o.kind, o.resets_at) = (q.user_id, q.machine_id, q.account, q.source, q.kind, q.resets_at)
          AND o.used_percentage > q.used_percentage AND ceil(o.used_percentage / 5) = ceil(q.used_percentage / 5));
