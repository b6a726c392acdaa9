-- name: store
UPDATE session_marks
SET is_starred = %(is_starred)s, tags = %(tags)s, tag_keys = %(tag_keys)s, note = %(note)s, title = %(title)s,
    visibility = %(visibility)s, changed_at = clock_timestamp(), brought_by = NULL
WHERE session_id = %(session_id)s
