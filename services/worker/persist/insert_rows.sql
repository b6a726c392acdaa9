-- name: insert
-- job_number is 0 for rows that come over the wire. A row that came over the wire has brought_by NULL, or 0 in it. `bringer` is the job's number, or minus
-- that where an export brings rows of another tracker's wire. They are the client's word here too, and go with an undo of the import.
-- An event whose id another session has is another event (conflicts.py): it neither changes the row nor keeps it.
changed_$table AS (
    INSERT INTO $table AS t (
        $columns)
    SELECT DISTINCT ON (s.id)
        $values
    FROM staged_$table AS s
    LEFT JOIN sessions ON sessions.session_id = s.session_id
    $project_join
    $user_join
    $where
    ORDER BY
        s.id,
        $best_first,
        s.ctid
    ON CONFLICT (id) DO UPDATE SET
        (
            $versioned
        ) = (
            SELECT
                $versioned
            FROM (VALUES
                (true, $new_version),
                (false, $old_version)
            ) AS version (
                is_new, $versioned)
            WHERE is_new = ($is_better IS TRUE)
        ),
        brought_by = brought_too(t.brought_by, %(bringer)s)
    WHERE (%(job_number)s > 0 OR excluded.session_id IS NULL OR excluded.session_id = t.session_id OR t.session_id IS NULL)
      AND ($is_better
           OR NOT %(bringer)s = ANY(coalesce(t.brought_by, '{0}')))
    RETURNING
        $returned,
        old.id IS NOT NULL AS existed,
        ($is_moved) AS moved
),
new_$table AS (
    SELECT $counted
    FROM changed_$table WHERE NOT existed OR moved
)

-- name: gone
gone_$table AS (
    SELECT $counted_before
    FROM changed_$table WHERE existed AND moved
)

-- name: is_better
(NOT coalesce(0 >= ANY(t.brought_by), true)
 AND (%(bringer)s <= 0
      OR ($new_ranks)
         > ($old_ranks)
      OR t.id IN (SELECT id FROM renewed_ids)
         AND ROW($new_content)::text
          <> ROW($old_content)::text))

-- name: of_sessions
-- New data of a session besides its rows. The session files are read again from the new activities.
new_session_files AS (
    INSERT INTO session_files (session_id, file_key)
    SELECT DISTINCT session_id, file_key FROM new_activities WHERE session_id IS NOT NULL ORDER BY 1, 2
    ON CONFLICT DO NOTHING RETURNING session_id
),
new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE id = ANY(%(new_session_event_ids)s)),
new_facts AS (SELECT * FROM session_facts WHERE id = ANY(%(new_fact_ids)s))
