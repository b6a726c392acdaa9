-- name: count
-- Behind the most rows that are kept, a new name is "(other)".
WITH given AS (
    SELECT version, kind, name, number, EXISTS (
        SELECT FROM unread_formats AS u WHERE (u.version, u.kind, u.name) = (g.version, g.kind, g.name)) AS is_there
    FROM unnest(%(versions)s::text[], %(kinds)s::text[], %(names)s::text[], %(numbers)s::bigint[]) AS g (version, kind, name, number)
), placed AS (
    SELECT *, NOT is_there AND (SELECT count(*) FROM unread_formats)
        + row_number() OVER (PARTITION BY is_there ORDER BY version, kind, name) > %(most)s AS is_too_much
    FROM given
)
INSERT INTO unread_formats AS u (version, kind, name, count)
SELECT CASE WHEN is_too_much THEN %(other)s ELSE version END, kind, CASE WHEN is_too_much THEN %(other)s ELSE name END, sum(number)
FROM placed GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (version, kind, name) DO UPDATE SET count = u.count + excluded.count, last_seen_at = now()

-- name: known_contents
SELECT sha256 FROM imported_files WHERE sha256 = ANY(%(sha256s)s)

-- name: versions_of_machines
SELECT machine_id, report ->> 'claude_version' FROM machines WHERE machine_id = ANY(%(machine_ids)s)

-- name: all
SELECT version, kind, name FROM unread_formats

-- name: forget
DELETE FROM unread_formats AS u USING unnest(%(versions)s::text[], %(kinds)s::text[], %(names)s::text[]) AS g (version, kind, name)
WHERE (u.version, u.kind, u.name) = (g.version, g.kind, g.name)
