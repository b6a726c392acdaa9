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

-- name: bring
-- Adds rows of another tracker's base, which have names instead of ids.
WITH new_$base AS (
    INSERT INTO $base ($columns, brought_by)
    SELECT $values, %(job_number)s
    FROM jsonb_array_elements(%(rows)s) AS e (line) CROSS JOIN jsonb_populate_record(NULL::$base, e.line) AS r
    LEFT JOIN projects AS p ON p.path_key = md5(e.line->>'project_path')::uuid
    LEFT JOIN users AS u ON u.name = e.line->>'user'
    RETURNING $columns
),
$rollups
SELECT 1

-- name: bring_sessions
-- Gives the projects. The days in which somebody was active are noted.
WITH added AS (
    INSERT INTO base_sessions (project_id, path_project_id, user_id, dated_at, last_event_at, active_ranges, brought_by)
    SELECT coalesce(p.merged_into, p.id, 0), CASE WHEN p.merged_into IS NOT NULL THEN p.id END, coalesce(u.alias_of, u.id, 0),
           coalesce(r.dated_at, '-infinity'), coalesce(r.last_event_at, '-infinity'),
           coalesce((SELECT range_agg(tstzrange(a.begins, a.ends))
                     FROM (SELECT (x.range->>0)::timestamptz AS begins, (x.range->>1)::timestamptz AS ends
                           FROM jsonb_array_elements(r.active_ranges) AS x (range)) AS a
                     WHERE a.begins < a.ends), '{}'),
           %(job_number)s
    FROM jsonb_to_recordset(%(rows)s) AS r (project_path text, "user" text, dated_at timestamptz, last_event_at timestamptz, active_ranges jsonb)
    LEFT JOIN projects AS p ON p.path_key = md5(r.project_path)::uuid
    LEFT JOIN users AS u ON u.name = r."user"
    RETURNING project_id, user_id, active_ranges
),
noted AS (
    INSERT INTO moving_days (project_id, user_id, day)
    SELECT DISTINCT k.project_id, a.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
    FROM added AS a, cut_at_buckets(without_gap(a.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (a.project_id), (-1)) AS k (project_id)
)
SELECT DISTINCT project_id FROM added

-- name: take_back
WITH gone_$base AS (
    DELETE FROM $base WHERE ctid = ANY (ARRAY(SELECT ctid FROM $base WHERE brought_by = %(job_number)s LIMIT %(rows_limit)s))
    RETURNING $columns
),
$noted
$rollups

-- name: take_back_sessions
WITH gone AS (
    DELETE FROM base_sessions WHERE ctid = ANY (ARRAY(SELECT ctid FROM base_sessions WHERE brought_by = %(job_number)s LIMIT %(limit)s))
    RETURNING project_id, user_id, active_ranges
),
noted AS (
    INSERT INTO moving_days (project_id, user_id, day)
    SELECT DISTINCT k.project_id, g.user_id, (c.bucket_start AT TIME ZONE 'UTC')::date
    FROM gone AS g, cut_at_buckets(without_gap(g.active_ranges, %(idle_gap)s), 1440) AS c, LATERAL (VALUES (g.project_id), (-1)) AS k (project_id)
)
SELECT DISTINCT project_id FROM gone
