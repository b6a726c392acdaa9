-- name: continued
WITH chosen AS MATERIALIZED (
    SELECT ARRAY(SELECT to_timestamp(bound) FROM unnest(%(bounds)s::float8[]) AS bound) AS bounds,
        ARRAY(SELECT to_timestamp(bound + gap.seconds) - interval '1 microsecond' FROM unnest(%(bounds)s::float8[]) AS bound) AS reached
    FROM (
        SELECT coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer) AS seconds
    ) AS gap
)
SELECT CASE WHEN %(by_interval)s THEN number - 1 END AS i, CASE WHEN %(by_project)s THEN s.project_id END AS project_id,
    CASE WHEN %(by_user)s THEN s.user_id END AS user_id, count(*) AS continued
FROM chosen AS c
CROSS JOIN LATERAL (
    SELECT w.number, s.*
    FROM unnest(trim_array(c.bounds, 1), %(window_starts)s::float8[]) WITH ORDINALITY AS w (start, since, number)
    CROSS JOIN LATERAL (
        SELECT project_id, user_id, last_event_at, active_ranges FROM sessions
        WHERE counted AND last_event_at - dated_at <= interval '8 hours'
            AND dated_at >= to_timestamp(w.since) AND dated_at < w.start AND last_event_at >= w.start
            AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
                AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
                AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
        OFFSET 0
    ) AS s
    UNION ALL
    SELECT width_bucket(dated_at, c.bounds) + 1, project_id, user_id, last_event_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at > interval '8 hours'
        AND dated_at < to_timestamp(%(last_start)s) AND last_event_at >= to_timestamp(%(start)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    UNION ALL
    SELECT width_bucket(dated_at, c.bounds) + 1, project_id, user_id, last_event_at, active_ranges FROM base_sessions
    WHERE %(machine)s::text IS NULL AND dated_at < to_timestamp(%(last_start)s) AND last_event_at >= to_timestamp(%(start)s)
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
        AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS s (first, project_id, user_id, last_event_at, active_ranges)
CROSS JOIN LATERAL generate_series(s.first, least(width_bucket(s.last_event_at, c.bounds), cardinality(c.bounds) - 1)) AS number
WHERE CASE WHEN c.reached[number] < c.bounds[number + 1] THEN s.active_ranges && tstzrange(c.reached[number], c.bounds[number + 1])
    ELSE s.active_ranges @> tstzrange(c.bounds[number + 1] - interval '1 microsecond', c.reached[number], '[]') END
GROUP BY 1, 2, 3

-- name: went_on
SELECT s.session_id, s.dated_at
FROM (
    SELECT session_id, dated_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at <= interval '8 hours'
        AND dated_at >= %(start)s::timestamptz - interval '8 hours' AND dated_at < %(start)s AND last_event_at >= %(start)s
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
    UNION ALL
    SELECT session_id, dated_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at > interval '8 hours' AND dated_at < %(start)s AND last_event_at >= %(start)s
        AND (%(project_id)s = -1 OR project_id = %(project_id)s) AND (%(user_id)s = -1 OR user_id = %(user_id)s)
            AND (%(machine)s::text IS NULL OR session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
            AND (%(projects)s::bigint[] IS NULL OR project_id = ANY (%(projects)s))
) AS s
CROSS JOIN (
    SELECT make_interval(secs => coalesce((SELECT value::integer FROM fixed_settings WHERE name = 'idle_gap_seconds'), %(idle_gap_seconds)s::integer)) AS length
) AS gap
WHERE EXISTS (
    SELECT FROM unnest(s.active_ranges) AS r
    WHERE upper(r) - gap.length >= %(start)s AND (%(end)s::timestamptz IS NULL OR lower(r) < %(end)s)
)
