-- name: add
added_to_$base AS (
    INSERT INTO $base (
        $columns)
    SELECT
        $columns
    FROM $deltas
)

-- name: move
WITH moved AS (
    UPDATE $base SET $assignments
    WHERE ctid = ANY (ARRAY(
        $chosen
    ))
    RETURNING $old,
        $new
),
new_$base AS (
    SELECT $new_columns
    FROM moved
),
gone_$base AS (
    SELECT $old_columns
    FROM moved
),
$noted
$rollups

-- name: note_maxima
-- The cells whose maxima may be those of the base.
noted AS (
    INSERT INTO moving_tools (project_id, user_id, tool_name, occurred_at, duration_ms, duration_source)
    SELECT b.project_id, b.user_id, b.tool_name, b.last_used_at, m.duration_ms, m.duration_source
    FROM gone_$base AS b, LATERAL (VALUES (b.max_ms, NULL), (b.max_measured_ms, 'reported')) AS m (duration_ms, duration_source)
),

-- name: move_sessions
-- Gives the projects that lost or won one. The days in which somebody's active time changes are noted.
WITH moved AS (
    UPDATE base_sessions SET $assignments
    WHERE ctid = ANY (ARRAY(
        $chosen
    ))
    RETURNING old.project_id AS old_project, new.project_id AS new_project, old.user_id AS old_user, new.user_id AS new_user,
        new.active_ranges AS active_ranges
),
noted AS (
    INSERT INTO moving_days (project_id, user_id, day)
    SELECT DISTINCT k.project_id, k.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
    FROM moved AS m, cut_at_buckets(without_gap(m.active_ranges, %(idle_gap)s), 1440) AS c,
         LATERAL (VALUES (old_project, old_user), (new_project, new_user), (-1, old_user), (-1, new_user)) AS k (project_id, user_id)
    WHERE k.project_id <> -1 OR old_user <> new_user
)
SELECT DISTINCT p.id FROM moved, LATERAL (VALUES (old_project), (new_project)) AS p (id)
