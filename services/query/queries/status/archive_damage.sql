-- name: damaged
-- A transcript of many megabytes may have several.
SELECT f.session_id, f.file_name AS file, f.machine_id AS machine, min(d.reason) AS reason, min(d.found_at) AS found_at
FROM damaged_segments AS d JOIN transcript_files AS f ON f.id = d.file_id
GROUP BY f.id ORDER BY min(d.found_at), f.id LIMIT %(most)s
