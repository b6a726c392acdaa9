-- name: continued
-- How many sessions were active in an interval and had begun before it; by interval, project and user as asked.
-- bounds: where the intervals begin, and the end of the last one. window_starts: for each interval, since when a session of at most eight hours began that
-- is not over by its start; none of them is in two windows. Longer ones have an index of their own (sessions_long).
-- active_ranges reach a gap beyond their last event. A range of events [first, last] touches [start, until) if first < until and last >= start.
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
            AND {of_selection}
        OFFSET 0
    ) AS s
    UNION ALL
    SELECT width_bucket(dated_at, c.bounds) + 1, project_id, user_id, last_event_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at > interval '8 hours'
        AND dated_at < to_timestamp(%(last_start)s) AND last_event_at >= to_timestamp(%(start)s)
        AND {of_selection}
    UNION ALL
    -- Those that retention has dropped. On which machine they were is not known any more.
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
-- The sessions that began before an interval and were active in it, as `continued` counts them: in the same two ways by their length.
SELECT s.session_id, s.dated_at
FROM (
    SELECT session_id, dated_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at <= interval '8 hours'
        AND dated_at >= %(start)s::timestamptz - interval '8 hours' AND dated_at < %(start)s AND last_event_at >= %(start)s
        AND {of_selection}
    UNION ALL
    SELECT session_id, dated_at, active_ranges FROM sessions
    WHERE counted AND last_event_at - dated_at > interval '8 hours' AND dated_at < %(start)s AND last_event_at >= %(start)s
        AND {of_selection}
) AS s
CROSS JOIN (
    {idle_gap}
) AS gap
WHERE EXISTS (
    SELECT FROM unnest(s.active_ranges) AS r
    WHERE upper(r) - gap.length >= %(start)s AND (%(end)s::timestamptz IS NULL OR lower(r) < %(end)s)
)
