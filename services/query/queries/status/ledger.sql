-- name: counts
SELECT coalesce(sum(persisted), 0)::bigint AS persisted, coalesce(sum(duplicates), 0)::bigint AS duplicates,
    coalesce(sum(dead), 0)::bigint AS dead, max(last_received_at) AS last_received_at
FROM ledger

-- name: outcomes
SELECT epoch, sum(persisted)::bigint AS persisted, sum(duplicates)::bigint AS duplicate, sum(dead)::bigint AS dead,
    sum(left_out)::bigint AS left_out
FROM accounts GROUP BY epoch
