-- name: places
-- Deletes places of folders that the import alone brought; gives the projects that are parts for no other reason.
WITH gone AS (
    DELETE FROM project_places WHERE told_by = 'import:' || %(job_number)s OR brought_by = ARRAY[%(job_number)s]::integer[]
    RETURNING id, path_key
)
SELECT p.id FROM projects AS p
WHERE p.path_key IN (SELECT path_key FROM gone) AND p.part_of IS NOT NULL AND p.merged_by IN ('worktree', 'remote')
  AND NOT EXISTS (SELECT FROM project_places AS t WHERE t.path_key = p.path_key AND t.id NOT IN (SELECT id FROM gone)
                  AND p.merge_evidence = CASE p.merged_by WHEN 'worktree' THEN t.common_dir ELSE t.remote END)

-- name: merges
-- The import's own, if nobody has decided otherwise since.
SELECT p.id FROM project_changes AS c JOIN projects AS p ON p.id = c.project_id
WHERE c.who = 'import:' || %(job_number)s AND c.undone_at IS NULL AND p.part_of = (c.after->>'part_of')::bigint AND p.merged_by = c.after->>'merged_by'

-- name: aliases
-- Rows that came under the name since stay the other user's.
UPDATE users SET alias_of = NULL, brought_by = NULL WHERE brought_by = ARRAY[%(job_number)s]::integer[]
