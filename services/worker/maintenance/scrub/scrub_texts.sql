-- name: half
SELECT half, redis_key FROM scrub_texts WHERE scrub_id = %(scrub_id)s

-- name: keep_out
-- A step that is taken again after a crash finds those of before.
WITH before AS (
    DELETE FROM kept_out_texts WHERE scrub_id = %(scrub_id)s
)
INSERT INTO kept_out_texts (scrub_id, is_for_good, fingerprint)
SELECT %(scrub_id)s, %(is_for_good)s, fingerprint FROM unnest(%(fingerprints)s::bytea[]) AS fingerprint

-- name: forget
WITH texts AS (
    DELETE FROM scrub_texts WHERE scrub_id = %(scrub_id)s
)
DELETE FROM kept_out_texts WHERE scrub_id = %(scrub_id)s AND NOT is_for_good
