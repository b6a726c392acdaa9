-- name: behind
SELECT number, kind, keys FROM search_pending
WHERE number > %(number)s AND kind <> 'backfill' ORDER BY number LIMIT %(limit)s
