-- name: note
UPDATE scrubs SET rows_scanned = rows_scanned + %(scanned)s, rows_changed = rows_changed + %(changed)s,
    redactions = sum_of_each(redactions, %(redactions)s), changed_in = sum_of_each(changed_in, %(changed_in)s), long_locks = long_locks || %(long_locks)s
WHERE id = %(id)s AND lease_token = %(lease_token)s

-- name: remains
UPDATE scrubs SET remains = remains || %(remains)s WHERE id = %(id)s AND lease_token = %(lease_token)s
