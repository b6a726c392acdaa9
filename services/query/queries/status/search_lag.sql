-- name: lag
-- A table that is indexed as a whole waits behind everything else, for as long as that takes: that is no lag.
SELECT coalesce(sum(rows), 0)::bigint AS documents,
    coalesce(extract(epoch FROM clock_timestamp() - min(noted_at) FILTER (WHERE kind <> 'backfill')), 0)::float8 AS oldest_seconds
FROM search_pending
