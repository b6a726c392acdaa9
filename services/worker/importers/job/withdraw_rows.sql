-- name: gone_rows
-- A reparse never deletes what came over the wire; an erasure does.
gone_$table AS (
    DELETE FROM $table WHERE id = ANY(%(row_ids)s::uuid[]) AND (%(is_of_wire_too)s OR NOT coalesce(0 >= ANY(brought_by), true)) RETURNING $columns
)

-- name: of_table
SELECT session_id, $ranges AS ranges,
       $measures
FROM gone_$table

-- name: delete
WITH $gone
SELECT session_id, coalesce(range_agg(ranges), '{}')::text AS ranges, array_agg(DISTINCT file_key) FILTER (WHERE file_key IS NOT NULL) AS file_keys,
       $sums
FROM (
    $rows
) AS rows WHERE session_id IS NOT NULL GROUP BY session_id

-- name: delete_session_files
DELETE FROM session_files AS f WHERE session_id = ANY(%(session_ids)s) AND file_key = ANY(%(file_keys)s::uuid[])
  AND NOT EXISTS (SELECT FROM activities AS a WHERE a.session_id = f.session_id AND a.file_key = f.file_key)

-- name: delete_files
DELETE FROM files AS f USING unnest(%(file_keys)s::uuid[]) AS k (file_key)
WHERE f.file_key = k.file_key AND NOT EXISTS (SELECT FROM activities AS a WHERE a.file_key = f.file_key)
  AND NOT EXISTS (SELECT FROM base_file_rollups AS b WHERE b.file_key = f.file_key)

-- name: shrink
-- `open` is the time that the deleted rows and facts covered and the facts that are left do not. The rows around it decide which part is active.
WITH gone AS (
    SELECT session_id, range_agg(ranges) AS ranges,
           $gone_sums
    FROM jsonb_to_recordset(%(gone)s::jsonb) AS g (session_id text, ranges tstzmultirange, $columns)
    GROUP BY session_id
),
kept_facts AS (
    SELECT f.session_id, min(first_record_at) AS first_event_at, max(last_record_at) AS last_event_at, max(ended_at) AS ended_at,
           coalesce(range_agg(active_ranges), '{}') AS active_ranges,
           (SELECT jsonb_object_agg(key, n)
            FROM (SELECT key, max(value::bigint) AS n FROM session_facts AS g, jsonb_each_text(numbers)
                  WHERE g.session_id = f.session_id GROUP BY key) AS greatest
           ) AS snapshot
    FROM session_facts AS f WHERE session_id = ANY(%(session_ids)s) GROUP BY f.session_id
),
open AS (
    SELECT session_id, g.ranges - coalesce(f.active_ranges, '{}') AS ranges FROM gone AS g LEFT JOIN kept_facts AS f USING (session_id)
),
kept AS (
    SELECT o.session_id, range_agg(tstzrange(r.occurred_at, r.occurred_at + %(idle_gap)s)) AS ranges
    FROM open AS o, unnest(o.ranges) AS p (piece), LATERAL (
        $around
    ) AS r GROUP BY o.session_id
),
merged AS (
    SELECT s.session_id, f.session_id IS NOT NULL OR t.first_event_at IS NOT NULL OR ($has_rows) AS counted,
           t.started_at, greatest(t.ended_at, f.ended_at) AS ended_at,
           least(t.first_event_at, f.first_event_at) AS first_event_at, greatest(t.last_event_at, f.last_event_at) AS last_event_at,
           s.active_ranges - coalesce(o.ranges, '{}') + coalesce(k.ranges, '{}') AS active_ranges,
           $sums, f.snapshot
    FROM sessions AS s LEFT JOIN gone AS g USING (session_id) LEFT JOIN open AS o USING (session_id)
    LEFT JOIN kept AS k USING (session_id) LEFT JOIN kept_facts AS f USING (session_id),
    LATERAL (
        SELECT min(first_at) AS first_event_at, max(last_at) AS last_event_at, min(started_at) AS started_at, max(ended_at) AS ended_at
        FROM (
            $times
        ) AS times
    ) AS t
    WHERE s.session_id = ANY(%(session_ids)s)
),
$changed
SELECT count(*) FROM changed

-- name: times_of_table
-- Each end is the first entry of an index.
SELECT (SELECT min(occurred_at) FROM $table WHERE session_id = s.session_id AND occurred_at > '-infinity') AS first_at,
       (SELECT max(occurred_at) FROM $table WHERE session_id = s.session_id AND occurred_at > '-infinity') AS last_at,
       NULL::timestamptz AS started_at, NULL::timestamptz AS ended_at

-- name: times_of_events
SELECT min(occurred_at), max(occurred_at), min(occurred_at) FILTER (WHERE kind = 'start'), max(occurred_at) FILTER (WHERE kind = 'end')
FROM session_events WHERE session_id = s.session_id

-- name: around
SELECT occurred_at FROM $table WHERE session_id = o.session_id AND occurred_at > lower(p.piece) - %(idle_gap)s AND occurred_at < upper(p.piece)
