-- name: last_change
-- The newest change of a project that was not undone.
SELECT id, before, after FROM project_changes WHERE project_id = %(project_id)s AND undone_at IS NULL ORDER BY id DESC LIMIT 1

-- name: mark_undone
UPDATE project_changes SET undone_at = clock_timestamp() WHERE id = %(change_id)s

-- name: add_rule
-- No row if there is no such project, or if there are too many rules. `done` is false for a rule that was there already.
INSERT INTO project_rules AS r (pattern, project_id, key_id)
SELECT %(pattern)s, id, %(key_id)s FROM projects WHERE id = %(project_id)s AND (SELECT count(*) FROM project_rules) < %(most)s
ON CONFLICT (md5(pattern)) DO UPDATE SET brought_by = NULL
RETURNING r.id, r.project_id, r.created_at, old.id IS NULL AS done

-- name: delete_rule
DELETE FROM project_rules WHERE id = %(rule_id)s RETURNING id, pattern, project_id
