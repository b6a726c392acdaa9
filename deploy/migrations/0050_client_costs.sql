-- What Claude Code itself counted for a session, beside what its API calls cost here (docs/adr/0094). Adds only; can be run again.

ALTER TABLE session_facts
    -- ClientCosts of services/worker/persist/records.py: the file's last cost-state. The greatest total of a session's facts is its `client_cost_nano_usd`
    -- among `numbers`, and so in the session's `snapshot`.
    ADD COLUMN IF NOT EXISTS client_costs jsonb;

ALTER TABLE api_calls
    -- NULL in all three: an older release stored the call, and did not keep it.
    ADD COLUMN IF NOT EXISTS is_fast       boolean,
    ADD COLUMN IF NOT EXISTS inference_geo text,     -- where it was computed, if it may not be anywhere
    ADD COLUMN IF NOT EXISTS is_advisor    boolean;  -- Claude asked it within another call

-- Rows that several sessions claim, of sessions that are seen: why a row counts for another session.
ALTER TABLE contested_rows ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS bound ON contested_rows;
CREATE POLICY bound ON contested_rows FOR SELECT TO tracker_bound USING (
    EXISTS (SELECT FROM sessions AS s WHERE s.session_id = contested_rows.session_id OFFSET 0));
GRANT SELECT ON contested_rows TO tracker_bound;

-- What Claude Code counted for each session, of those for which it wrote a total: `total_nano_usd` as it wrote it, `own_nano_usd` without what another session
-- counts already. A fork, and a copy under another id, goes on with the count of the session that it came from, and has its beginning. What it has in common
-- with others belongs to the session with the least id, as the common rows do (fork_ownership.py). How much that is, a total of one of them says: the least
-- that is enough for its calls that count elsewhere. A thousandth of a cent is for rounding.
CREATE OR REPLACE VIEW session_client_costs WITH (security_invoker = true) AS
    SELECT s.session_id, n.total_nano_usd, n.total_nano_usd - coalesce(t.total_nano_usd, 0) AS own_nano_usd, t.session_id AS taken_off_session_id
    FROM sessions AS s
    CROSS JOIN LATERAL (
        -- Of an older release, and where no transcript is known: what claude.json says.
        SELECT coalesce((s.snapshot->>'client_cost_nano_usd')::bigint, (s.snapshot->>'cost_nano_usd')::bigint) AS total_nano_usd
    ) AS n
    LEFT JOIN LATERAL (
        SELECT p.session_id, p.total_nano_usd
        FROM (
            SELECT o.session_id, (o.snapshot->>'client_cost_nano_usd')::bigint AS total_nano_usd, min(o.session_id) OVER () AS owner_session_id
            -- The second condition is that of the index sessions_by_client_count.
            FROM sessions AS o WHERE o.snapshot->>'client_started_ms' = s.snapshot->>'client_started_ms' AND o.snapshot ? 'client_started_ms'
        ) AS p
        WHERE s.session_id <> p.owner_session_id AND p.total_nano_usd <= n.total_nano_usd
        ORDER BY p.total_nano_usd + 10000 >= (
            SELECT sum(a.cost_nano_usd) FROM (SELECT DISTINCT row_id FROM contested_rows AS r WHERE r.session_id = s.session_id) AS c
            JOIN api_calls AS a ON a.id = c.row_id AND a.session_id <> s.session_id
        ) DESC NULLS LAST, p.total_nano_usd, p.session_id LIMIT 1
    ) AS t ON true
    WHERE n.total_nano_usd IS NOT NULL;
GRANT SELECT ON session_client_costs TO tracker_bound;
