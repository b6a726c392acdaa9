-- Whose copied rows are (services/worker/sessions/fork_ownership.py), and who reads what dropped sessions counted.

ALTER TABLE contested_rows
    -- When the file was begun that copied the row for this session; -infinity: the session wrote it itself.
    ADD COLUMN copied_at timestamptz NOT NULL DEFAULT '-infinity';

-- What Claude Code counted for each session, of those for which it wrote a total: `total_nano_usd` as it wrote it, `own_nano_usd` without what another session
-- counts already. A fork, and a copy under another id, goes on with the count of the session that it came from, and has its beginning. What it has in common
-- with others belongs to the session that began first, as the common rows do. How much that is, a total of one of them says: the least that is enough for its
-- calls that count elsewhere. A thousandth of a cent is for rounding.
CREATE OR REPLACE VIEW session_client_costs WITH (security_invoker = true) AS
    SELECT s.session_id, n.total_nano_usd, n.total_nano_usd - coalesce(t.total_nano_usd, 0) AS own_nano_usd, t.session_id AS taken_off_session_id
    FROM sessions AS s
    CROSS JOIN LATERAL (
        SELECT coalesce((s.snapshot->>'client_cost_nano_usd')::bigint, (s.snapshot->>'cost_nano_usd')::bigint) AS total_nano_usd
    ) AS n
    LEFT JOIN LATERAL (
        SELECT p.session_id, p.total_nano_usd
        FROM (
            SELECT o.session_id, (o.snapshot->>'client_cost_nano_usd')::bigint AS total_nano_usd,
                first_value(o.session_id) OVER (ORDER BY o.first_event_at, o.session_id) AS owner_session_id
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

-- What dropped sessions counted, for bound keys: as the sums, of a user; what files have is of no user.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['base_activity_rollups', 'base_usage_rollups', 'base_file_rollups'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('GRANT SELECT ON %I TO tracker_bound', name);
        EXECUTE format($policy$
            CREATE POLICY bound ON %I FOR SELECT TO tracker_bound USING (
                ((SELECT bound_projects() IS NULL) OR project_id = ANY ((SELECT bound_projects())::bigint[]))
                AND ((SELECT bound_users() IS NULL)%s))
            $policy$, name, CASE WHEN name <> 'base_file_rollups' THEN ' OR user_id = ANY ((SELECT bound_users())::bigint[])' END);
    END LOOP;
END $$;
