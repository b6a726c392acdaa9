-- name: take
-- At least one payload.
DELETE FROM hook_payloads WHERE id IN (
    SELECT id FROM (
        SELECT id, sum(bytes) OVER (ORDER BY occurred_at, id) - bytes AS bytes_before
        FROM (SELECT id, occurred_at, octet_length(payload) AS bytes FROM hook_payloads ORDER BY occurred_at, id LIMIT %(limit)s) AS oldest
    ) AS next WHERE bytes_before < %(bytes)s)
RETURNING id, session_id, machine_id, occurred_at, received_at, coalesce(request_id, ''), user_name, bound_user, payload
