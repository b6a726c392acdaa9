-- name: last_change
-- The newest change of a project that was not undone.
SELECT id, before, after FROM project_changes WHERE project_id = %(project_id)s AND undone_at IS NULL ORDER BY id DESC LIMIT 1

-- name: mark_undone
UPDATE project_changes SET undone_at = clock_timestamp() WHERE id = %(change_id)s

-- name: add_rule
INSERT INTO project_rules (pattern, project_id, key_id)
SELECT %(pattern)s, id, %(key_id)s FROM projects WHERE id = %(project_id)s
RETURNING id, true AS done

-- name: merges_of_rule
SELECT p.id FROM project_rules AS r JOIN projects AS p ON p.merged_by = 'path_rule' AND p.merge_evidence = r.pattern AND p.part_of = r.project_id
WHERE r.id = %(rule_id)s ORDER BY p.id
