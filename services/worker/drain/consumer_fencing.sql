-- name: fence
UPDATE drainers SET is_fenced = true
WHERE consumer IN (SELECT consumer FROM drainers WHERE consumer = ANY(%(consumers)s) ORDER BY consumer FOR UPDATE SKIP LOCKED)
