-- name: waiting
-- Projects that are new, or of whose folder a machine said something new.
SELECT id FROM projects WHERE judged_at IS NULL
UNION
SELECT p.id FROM project_places AS t JOIN projects AS p ON p.path_key = t.path_key WHERE t.judged_at IS NULL
ORDER BY id LIMIT %(limit)s

-- name: mark_judged
-- `repository` is the remote, if all machines say the same.
WITH judged AS (
    UPDATE project_places AS t SET judged_at = clock_timestamp() FROM projects AS p
    WHERE p.id = %(project_id)s AND t.path_key = p.path_key AND t.judged_at IS NULL
)
UPDATE projects AS p SET judged_at = clock_timestamp(),
    repository = (SELECT CASE WHEN count(DISTINCT remote) = 1 THEN min(remote) END FROM project_places AS t WHERE t.path_key = p.path_key)
WHERE id = %(project_id)s

-- name: candidates
-- Projects that are the same as this one, and why, by the stronger rule first: worktrees of one git folder; clones of one remote, each at the same
-- folder within. Where machines say different things of a path, its remote decides nothing. One that is kept apart is left out.
WITH told AS (
    SELECT p.id, p.path, t.told_by, t.common_dir, t.remote, t.inside, t.is_main, p.is_kept_apart, p.part_of
    FROM projects AS p JOIN project_places AS t ON t.path_key = p.path_key
),
own AS (SELECT * FROM told WHERE id = %(project_id)s),
clone AS (
    SELECT min(remote) AS remote, min(inside) AS inside FROM own
    WHERE remote IS NOT NULL HAVING count(DISTINCT (remote, inside)) = 1
),
same AS (
    SELECT t.id, 'worktree' AS rule, o.common_dir AS evidence FROM own AS o
    JOIN told AS t ON t.common_dir = o.common_dir AND (t.told_by, t.inside) = (o.told_by, o.inside)
    UNION
    SELECT t.id, 'remote', c.remote FROM clone AS c JOIN told AS t ON (t.remote, t.inside) = (c.remote, c.inside)
    GROUP BY t.id, c.remote, c.inside
    HAVING NOT EXISTS (SELECT FROM told AS o WHERE o.id = t.id AND o.remote IS NOT NULL AND (o.remote, o.inside) <> (c.remote, c.inside))
)
SELECT DISTINCT ON (s.id) s.id, s.rule, s.evidence, p.part_of,
       EXISTS (SELECT FROM told AS t WHERE t.id = s.id AND t.is_main) AS is_main
FROM same AS s JOIN projects AS p USING (id) WHERE NOT p.is_kept_apart
ORDER BY s.id, s.rule = 'worktree' DESC

-- name: rules
SELECT r.id, r.pattern, r.project_id FROM project_rules AS r JOIN projects AS p ON p.id = r.project_id ORDER BY r.id

-- name: new_rules
SELECT id, pattern FROM project_rules WHERE judged_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED

-- name: mark_rules
UPDATE project_rules SET judged_at = clock_timestamp() WHERE id = ANY(%(rule_ids)s)

-- name: paths
SELECT id, path FROM projects WHERE part_of IS NULL AND NOT is_kept_apart

-- name: judge_again
UPDATE projects SET judged_at = NULL WHERE id = ANY(%(project_ids)s)
