-- name: store
-- In one order: then two workers that store signs of the same sessions do not deadlock.
INSERT INTO session_signs AS s (session_id, worked_at, waits_since, waits_for, idle_at, replied_at, prompted_at, is_hooked, heard_at)
SELECT session_id, coalesce(worked_at, '-infinity'), coalesce(waits_since, '-infinity'), waits_for, coalesce(idle_at, '-infinity'),
    coalesce(replied_at, '-infinity'), coalesce(prompted_at, '-infinity'), is_hooked, heard_at
FROM unnest(%(session_id)s::text[], %(worked_at)s::timestamptz[], %(waits_since)s::timestamptz[], %(waits_for)s::text[],
    %(idle_at)s::timestamptz[], %(replied_at)s::timestamptz[], %(prompted_at)s::timestamptz[], %(is_hooked)s::boolean[],
    %(heard_at)s::timestamptz[])
    AS told (session_id, worked_at, waits_since, waits_for, idle_at, replied_at, prompted_at, is_hooked, heard_at)
ORDER BY session_id
ON CONFLICT (session_id) DO UPDATE SET
    worked_at = greatest(s.worked_at, excluded.worked_at),
    (waits_since, waits_for) = (
        SELECT * FROM (VALUES (s.waits_since, s.waits_for), (excluded.waits_since, excluded.waits_for)) AS wait ORDER BY 1 DESC, 2 DESC LIMIT 1),
    idle_at = greatest(s.idle_at, excluded.idle_at),
    replied_at = greatest(s.replied_at, excluded.replied_at),
    prompted_at = greatest(s.prompted_at, excluded.prompted_at),
    is_hooked = s.is_hooked OR excluded.is_hooked,
    heard_at = greatest(s.heard_at, excluded.heard_at)
