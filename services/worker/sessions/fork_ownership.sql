-- $table: each table of counted rows in its turn.
--
-- A batch has the better claim to a row by its session, or by a better time. An earlier time is better, and a file's is better than a hook's.
-- Rows that came over the wire keep the time that the client gave them.

-- name: owner
-- Whose row it is, of the sessions that claim it. The session that wrote it comes before those that copied it, and of these the first that did.
-- The id decides only where files say neither.
SELECT c.session_id FROM contested_rows AS c
WHERE c.row_id = $row AND $claims ORDER BY c.copied_at, c.session_id LIMIT 1

-- name: settle
-- Contested no more: no other session has the row, and none copied it. That it is a copy stays known, whenever its origin comes.
DELETE FROM contested_rows AS c WHERE c.$of = ANY(%($ids)s) AND c.copied_at = '-infinity'
  AND NOT EXISTS (SELECT FROM contested_rows AS o WHERE o.row_id = c.row_id AND (o.session_id <> c.session_id OR o.copied_at > '-infinity'))

-- name: other_sessions
SELECT t.session_id FROM staged_$table AS s JOIN $table AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id

-- name: note_owners_claims
-- The claims of the sessions that have the rows already, where the batch brings the first others: of another session, or to a copy.
INSERT INTO contested_rows (row_id, session_id, job_number)
SELECT t.id, t.session_id, abs(n) FROM $table AS t, unnest(coalesce(t.brought_by, '{0}')) AS n
WHERE t.id IN (SELECT s.id FROM staged_$table AS s JOIN $table AS o USING (id) LEFT JOIN staged_copies AS c ON (c.id, c.session_id) = (s.id, s.session_id)
               WHERE s.session_id <> o.session_id OR c.id IS NOT NULL AND o.session_id IS NOT NULL)
  AND NOT EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = t.id)

-- name: note_claims
-- The claims of the batch: to copies, and to rows that another session has, in the table or in the batch, or that were contested before.
INSERT INTO contested_rows AS t (row_id, session_id, job_number, copied_at)
SELECT DISTINCT s.id, s.session_id, %(job_number)s, coalesce(o.copied_at, '-infinity')
FROM staged_$table AS s LEFT JOIN staged_copies AS o ON (o.id, o.session_id) = (s.id, s.session_id)
WHERE o.id IS NOT NULL OR EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = s.id)
   OR s.id IN (SELECT id FROM staged_$table GROUP BY id HAVING min(session_id) <> max(session_id))
ON CONFLICT (row_id, session_id, job_number) DO UPDATE SET copied_at = excluded.copied_at WHERE excluded.copied_at < t.copied_at

-- name: agree
-- Rows of the batch get the session whose they are, and all copies of one the same time.
UPDATE staged_$table AS s SET session_id = o.session_id, occurred_at = o.occurred_at
FROM (
    SELECT g.id, coalesce(($owner), g.session_id) AS session_id, g.occurred_at
    FROM (
        SELECT id, min(session_id) AS session_id,
               coalesce(min(occurred_at) FILTER (WHERE source IS DISTINCT FROM 'hook'), min(occurred_at)) AS occurred_at
        FROM staged_$table GROUP BY id
    ) AS g
) AS o
WHERE s.id = o.id AND (s.session_id, s.occurred_at) <> (o.session_id, o.occurred_at)

-- name: sessions_to_move
-- The rows to which the batch has the better claim, each with its session and the one that gets it.
SELECT t.session_id, s.session_id AS owner, t.id FROM staged_$table AS s JOIN $table AS t USING (id)
WHERE (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))

-- name: hand_over
UPDATE $table AS t SET session_id = coalesce(s.session_id, t.session_id),
    occurred_at = CASE WHEN s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
            AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at)
        THEN s.occurred_at ELSE t.occurred_at END
FROM (
    SELECT DISTINCT ON (id) id, session_id, occurred_at, source FROM staged_$table ORDER BY id, source IS NOT DISTINCT FROM 'hook'
) AS s
WHERE t.id = s.id AND (s.session_id <> t.session_id OR s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
       AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at))

-- name: note_sessions
-- An undo looks for its rows in the sessions that it knows of.
INSERT INTO import_sessions (job_number, session_id)
SELECT DISTINCT abs(n), t.session_id FROM $table AS t, unnest(t.brought_by) AS n WHERE t.session_id = ANY(%(session_ids)s) AND n <> 0
ON CONFLICT DO NOTHING

-- A hook says of a call when it began to run, and another, or a file, when it was asked for, which becomes its time. The wait in between is kept
-- wherever the time moves, so the order of arrival does not matter. NULL: nothing earlier is known.

-- name: waits_in_batch
UPDATE staged_tool_calls AS s
SET wait_ms = nullif(greatest(coalesce(s.wait_ms, 0) + round(extract(epoch FROM s.occurred_at - o.occurred_at) * 1000), 0), 0)::bigint
FROM (
    SELECT id, coalesce(min(occurred_at) FILTER (WHERE source IS DISTINCT FROM 'hook'), min(occurred_at)) AS occurred_at
    FROM staged_tool_calls GROUP BY id HAVING count(*) > 1
) AS o
WHERE s.id = o.id AND s.occurred_at <> o.occurred_at AND s.source = 'hook' AND s.duration_source = 'reported'

-- name: waits_of_moved
UPDATE tool_calls AS t
SET wait_ms = nullif(greatest(coalesce(t.wait_ms, 0) + round(extract(epoch FROM t.occurred_at - s.occurred_at) * 1000), 0), 0)::bigint
FROM (
    SELECT DISTINCT ON (id) id, session_id, occurred_at, source FROM staged_tool_calls ORDER BY id, source IS NOT DISTINCT FROM 'hook'
) AS s
WHERE t.id = s.id AND s.occurred_at <> t.occurred_at AND NOT coalesce(0 >= ANY(t.brought_by), true)
  AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at)
  AND t.source = 'hook' AND t.duration_source = 'reported'

-- name: waits_of_known
UPDATE staged_tool_calls AS s
SET wait_ms = nullif(greatest(coalesce(s.wait_ms, 0) + round(extract(epoch FROM s.occurred_at - t.occurred_at) * 1000), 0), 0)::bigint
FROM tool_calls AS t
WHERE s.id = t.id AND s.occurred_at <> t.occurred_at AND s.source = 'hook' AND s.duration_source = 'reported'
