-- name: store
-- In one order: then two workers that store signs of the same sessions do not deadlock. The source of a sign goes with its time.
INSERT INTO session_signs AS s (session_id, worked_at, worked_by, waits_since, waits_for, waits_by, idle_at, replied_at, replied_by, prompted_at,
    agents_worked_at, client_started_at, is_hooked, heard_at)
SELECT session_id, coalesce(worked_at, '-infinity'), worked_by, coalesce(waits_since, '-infinity'), waits_for, waits_by,
    coalesce(idle_at, '-infinity'), coalesce(replied_at, '-infinity'), replied_by, coalesce(prompted_at, '-infinity'),
    coalesce(agents_worked_at, '-infinity'), coalesce(client_started_at, '-infinity'), is_hooked, heard_at
FROM unnest(%(session_id)s::text[], %(worked_at)s::timestamptz[], %(worked_by)s::text[], %(waits_since)s::timestamptz[], %(waits_for)s::text[],
    %(waits_by)s::text[], %(idle_at)s::timestamptz[], %(replied_at)s::timestamptz[], %(replied_by)s::text[], %(prompted_at)s::timestamptz[],
    %(agents_worked_at)s::timestamptz[], %(client_started_at)s::timestamptz[],
    %(is_hooked)s::boolean[], %(heard_at)s::timestamptz[])
    AS told (session_id, worked_at, worked_by, waits_since, waits_for, waits_by, idle_at, replied_at, replied_by, prompted_at,
        agents_worked_at, client_started_at, is_hooked, heard_at)
ORDER BY session_id
ON CONFLICT (session_id) DO UPDATE SET
    (worked_at, worked_by) = (
        SELECT * FROM (VALUES (s.worked_at, s.worked_by), (excluded.worked_at, excluded.worked_by)) AS work ORDER BY 1 DESC, 2 DESC NULLS LAST LIMIT 1),
    (waits_since, waits_for, waits_by) = (
        SELECT * FROM (VALUES (s.waits_since, s.waits_for, s.waits_by), (excluded.waits_since, excluded.waits_for, excluded.waits_by)) AS wait
        ORDER BY 1 DESC, 2 DESC, 3 DESC NULLS LAST LIMIT 1),
    idle_at = greatest(s.idle_at, excluded.idle_at),
    (replied_at, replied_by) = (
        SELECT * FROM (VALUES (s.replied_at, s.replied_by), (excluded.replied_at, excluded.replied_by)) AS reply
        ORDER BY 1 DESC, 2 DESC NULLS LAST LIMIT 1),
    prompted_at = greatest(s.prompted_at, excluded.prompted_at),
    agents_worked_at = greatest(s.agents_worked_at, excluded.agents_worked_at),
    client_started_at = greatest(s.client_started_at, excluded.client_started_at),
    is_hooked = s.is_hooked OR excluded.is_hooked,
    heard_at = greatest(s.heard_at, excluded.heard_at)
