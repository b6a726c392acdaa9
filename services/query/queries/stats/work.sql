-- The work of a range, piece by piece (work_pieces.py).

-- name: sessions
-- Those in question of which anything may be in the range.
SELECT s.session_id, nullif(s.project_id, 0) AS project_id, p.name AS project_name, s.git_branch AS branch, coalesce(mark.title, s.title) AS title
FROM (
    SELECT * FROM sessions
    WHERE counted AND (%(start)s::timestamptz IS NULL OR last_event_at >= %(start)s) AND (%(end)s::timestamptz IS NULL OR first_event_at < %(end)s)
        AND {of_selection}
    ORDER BY session_id
    LIMIT %(most)s
) AS s
LEFT JOIN session_marks AS mark ON mark.session_id = s.session_id
LEFT JOIN projects AS p ON p.id = s.project_id

-- name: asks
-- When each session was asked something.
SELECT session_id, array_agg(occurred_at ORDER BY occurred_at) AS times
FROM asks WHERE session_id = ANY (%(ids)s::text[]) AND occurred_at > '-infinity'
GROUP BY session_id

-- name: pieces
-- The sums of each piece of a session, in the order that was asked for. NULL: an open side. Calls without a date are at the beginning.
SELECT c.api_calls, c.unpriced_calls, c.cost_nano_usd, a.turns,
    measure_us(without_gap(s.active_ranges, gap.length) * tstzmultirange(tstzrange(piece.since, piece.until)))::bigint AS active_us
FROM unnest(%(ids)s::text[], %(since)s::timestamptz[], %(until)s::timestamptz[]) WITH ORDINALITY AS piece (session_id, since, until, number)
JOIN sessions AS s ON s.session_id = piece.session_id
CROSS JOIN (
    {idle_gap}
) AS gap
CROSS JOIN LATERAL (
    SELECT count(*) AS api_calls, count(*) FILTER (WHERE cost_nano_usd IS NULL) AS unpriced_calls, coalesce(sum(cost_nano_usd), 0)::bigint AS cost_nano_usd
    FROM api_calls
    WHERE session_id = piece.session_id AND occurred_at >= coalesce(piece.since, '-infinity') AND occurred_at < coalesce(piece.until, 'infinity')
) AS c
CROSS JOIN LATERAL (
    SELECT count(*) AS turns FROM asks
    WHERE session_id = piece.session_id AND occurred_at >= coalesce(piece.since, '-infinity') AND occurred_at < coalesce(piece.until, 'infinity')
) AS a
ORDER BY piece.number
