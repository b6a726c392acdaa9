-- name: try_lock
-- An arbitrary constant. The lock ends with the transaction.
SELECT pg_try_advisory_xact_lock(26972236)

-- name: next
-- As many notes as have at most %(keys)s keys, but at least one. `newest` as text: Python has no -infinity.
SELECT newest::text AS newest, number, kind, keys FROM (
    SELECT newest, number, kind, keys, sum(rows) OVER (ORDER BY newest DESC, number DESC) AS total, row_number() OVER (ORDER BY newest DESC, number DESC) AS place
    FROM (SELECT * FROM search_pending ORDER BY newest DESC, number DESC LIMIT 64) AS first) AS next
WHERE place = 1 OR total <= %(keys)s

-- name: done
DELETE FROM search_pending WHERE (newest, number) IN (SELECT * FROM unnest(%(newest)s::timestamptz[], %(number)s::bigint[]))

-- name: drop_former
-- What no document was made of, whichever way its document went.
DELETE FROM search_former_results AS f
WHERE NOT EXISTS (SELECT FROM search_documents AS d WHERE d.id = f.id AND d.result_key = f.result_key)

-- name: is_importing
SELECT EXISTS (SELECT FROM import_shares WHERE outcome IS NULL AND lease_expires_at > now())
