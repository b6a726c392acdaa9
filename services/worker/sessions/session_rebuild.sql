-- name: rows
new_$table AS (
    SELECT $columns
    FROM $table WHERE $condition
)

-- name: other_rows
new_session_files AS (SELECT session_id, file_key FROM session_files WHERE $condition),
new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE $condition),
new_facts AS NOT MATERIALIZED (SELECT * FROM session_facts WHERE $condition)

-- name: rebuild
-- A session without rows and facts is not counted until there is something again.
WITH $rows,
merged AS (
    SELECT s.session_id, d.session_id IS NOT NULL AS counted, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at,
           least(d.first_event_at, f.first_event_at) AS first_event_at, greatest(d.last_event_at, f.last_event_at) AS last_event_at,
           coalesce(d.active_ranges, '{}') + coalesce(f.active_ranges, '{}') AS active_ranges,
           $sums, f.snapshot
    FROM sessions AS s LEFT JOIN per_session AS d USING (session_id) LEFT JOIN facts_per_session AS f USING (session_id)
    WHERE s.session_id = ANY(%(session_ids)s)
),
$changed
SELECT count(*) FROM changed WHERE (after).counted AND NOT (before).counted

-- name: all_sessions
WITH $rows
SELECT session_id, d.started_at, greatest(d.ended_at, f.ended_at) AS ended_at, least(d.first_event_at, f.first_event_at) AS first_event_at,
       greatest(d.last_event_at, f.last_event_at) AS last_event_at, d.active_ranges + coalesce(f.active_ranges, '{}') AS active_ranges,
       $sums, f.snapshot
FROM per_session AS d LEFT JOIN facts_per_session AS f USING (session_id)

-- name: delete_empty
-- A session that ingest has just handed out is not counted yet, but has a project, and stays. So does a session that live events named, although
-- all of its rows belong to another session now: they may come back. Its marks stay, and say from then on whose they are.
WITH gone AS (
DELETE FROM sessions AS s WHERE session_id = ANY(%(session_ids)s) AND (counted OR project_id = 0) AND NOT seen_live
  AND NOT EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
  AND NOT EXISTS (SELECT FROM session_facts AS e WHERE e.session_id = s.session_id)
  AND $has_no_rows
RETURNING session_id, user_id, coalesce(path_project_id, project_id) AS project_id
)
UPDATE session_marks AS m SET user_id = g.user_id, project_id = g.project_id FROM gone AS g WHERE m.session_id = g.session_id

-- name: delete_session_files
DELETE FROM session_files AS f WHERE session_id = ANY(%(session_ids)s)
  AND NOT EXISTS (SELECT FROM activities AS a WHERE a.session_id = f.session_id AND a.file_key = f.file_key)

-- name: insert_session_files
INSERT INTO session_files (session_id, file_key)
SELECT DISTINCT session_id, file_key FROM activities WHERE session_id = ANY(%(session_ids)s) ORDER BY 1, 2
ON CONFLICT DO NOTHING
