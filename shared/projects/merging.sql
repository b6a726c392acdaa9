-- name: lock
-- Merges are decided one after the other, so that no two make a circle. Held until the transaction ends.
SELECT pg_advisory_xact_lock(1741905)

-- name: lock_rows
-- A project, all that is part of it, another one, and all that the other is part of; by id, as the worker locks them (services/worker/lock_order.py).
-- The second half of the promise about keys: one that is being made holds its projects (api_keys.sql), so it is seen or refused.
WITH RECURSIVE below AS (
    SELECT id FROM projects WHERE id = %(project_id)s
    UNION SELECT p.id FROM projects AS p JOIN below AS b ON p.part_of = b.id
),
above AS (
    SELECT id, part_of FROM projects WHERE id = %(other_id)s
    UNION SELECT p.id, p.part_of FROM projects AS p JOIN above AS a ON p.id = a.part_of
)
SELECT p.id, p.name, p.path, p.group_name, p.is_archived, p.visibility, p.part_of, p.merged_into, p.merged_by, p.merge_evidence, p.merged_by_key,
       p.merged_at::text AS merged_at, p.is_kept_apart, p.rekey_requested_at IS NOT NULL AS is_moving, p.id IN (SELECT id FROM below) AS is_below
FROM projects AS p WHERE p.id IN (SELECT id FROM below UNION SELECT id FROM above) ORDER BY p.id FOR UPDATE

-- name: widened_keys
-- The keys that would see more: they are bound to one of the two projects, and not to the other.
WITH whole AS (
    SELECT (SELECT coalesce(merged_into, id) FROM projects WHERE id = %(project_id)s) AS one,
           (SELECT coalesce(merged_into, id) FROM projects WHERE id = %(other_id)s) AS other
),
bound AS (
    SELECT k.id, k.name, array_agg(coalesce(p.merged_into, p.id)) AS wholes
    FROM api_keys AS k CROSS JOIN unnest(k.project_ids) AS i (id) JOIN projects AS p ON p.id = i.id
    WHERE k.revoked_at IS NULL GROUP BY k.id, k.name
)
SELECT b.id, b.name FROM bound AS b, whole AS w WHERE (w.one = ANY(b.wholes)) <> (w.other = ANY(b.wholes)) ORDER BY b.id

-- name: change
UPDATE projects SET name = %(name)s, group_name = %(group_name)s, is_archived = %(is_archived)s, visibility = %(visibility)s, part_of = %(part_of)s,
    merged_into = %(part_of)s, merged_by = %(merged_by)s, merge_evidence = %(merge_evidence)s, merged_by_key = %(merged_by_key)s,
    merged_at = %(merged_at)s::timestamptz, is_kept_apart = %(is_kept_apart)s
WHERE id = %(project_id)s

-- name: resolve
-- Gives a project and all that is part of it the project at the end of the chain. Those whose end is another than before have sessions to move.
-- `before` is what this project was merged into before.
WITH RECURSIVE below AS (
    SELECT id FROM projects WHERE id = %(project_id)s
    UNION SELECT p.id FROM projects AS p JOIN below AS b ON p.part_of = b.id
),
above AS (
    SELECT id, part_of FROM projects WHERE id = %(project_id)s
    UNION SELECT p.id, p.part_of FROM projects AS p JOIN above AS a ON p.id = a.part_of
),
moved AS (
    SELECT p.id, nullif(w.id, p.id) AS merged_into,
           w.id <> coalesce(CASE WHEN p.id = %(project_id)s THEN %(before)s::bigint ELSE p.merged_into END, p.id) AS has_to_move
    FROM projects AS p JOIN below AS b USING (id), (SELECT id FROM above WHERE part_of IS NULL) AS w
)
UPDATE projects AS p SET merged_into = m.merged_into,
    rekey_requested_at = CASE WHEN m.has_to_move THEN clock_timestamp() ELSE p.rekey_requested_at END
FROM moved AS m WHERE p.id = m.id RETURNING p.id, m.has_to_move

-- name: note
INSERT INTO project_changes (project_id, who, before, after) VALUES (%(project_id)s, %(who)s, %(before)s, %(after)s)

-- name: merges_of_rule
SELECT id FROM projects WHERE merged_by = 'path_rule' AND merge_evidence = %(pattern)s AND part_of = %(project_id)s ORDER BY id
