-- name: store
-- In one order: then two workers that store signs of the same subagents do not deadlock. The source of a sign goes with its time.
INSERT INTO agent_signs AS a (session_id, agent_id, began_at, called_at, worked_at, worked_by, over_at, over_as, over_by, is_background, heard_at)
SELECT session_id, agent_id, coalesce(began_at, 'infinity'), coalesce(called_at, '-infinity'), coalesce(worked_at, '-infinity'), worked_by,
    coalesce(over_at, '-infinity'), over_as, over_by, is_background, heard_at
FROM unnest(%(session_id)s::text[], %(agent_id)s::text[], %(began_at)s::timestamptz[], %(called_at)s::timestamptz[], %(worked_at)s::timestamptz[],
    %(worked_by)s::text[], %(over_at)s::timestamptz[], %(over_as)s::text[], %(over_by)s::text[], %(is_background)s::boolean[], %(heard_at)s::timestamptz[])
    AS told (session_id, agent_id, began_at, called_at, worked_at, worked_by, over_at, over_as, over_by, is_background, heard_at)
ORDER BY session_id, agent_id
ON CONFLICT (session_id, agent_id) DO UPDATE SET
    began_at = least(a.began_at, excluded.began_at),
    called_at = greatest(a.called_at, excluded.called_at),
    (worked_at, worked_by) = (
        SELECT * FROM (VALUES (a.worked_at, a.worked_by), (excluded.worked_at, excluded.worked_by)) AS work ORDER BY 1 DESC, 2 DESC NULLS LAST LIMIT 1),
    (over_at, over_as, over_by) = (
        SELECT * FROM (VALUES (a.over_at, a.over_as, a.over_by), (excluded.over_at, excluded.over_as, excluded.over_by)) AS ending
        ORDER BY 1 DESC, 2 DESC, 3 DESC NULLS LAST LIMIT 1),
    is_background = a.is_background OR excluded.is_background,
    heard_at = greatest(a.heard_at, excluded.heard_at)
