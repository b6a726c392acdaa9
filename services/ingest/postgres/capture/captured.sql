-- name: read_ranges
-- A range that a newer generation replaces is not read any more.
SELECT DISTINCT asked.number
FROM unnest(%(session_ids)s::text[], %(machine_ids)s::text[], %(file_names)s::text[], %(generations)s::bigint[], %(ends)s::bigint[])
    WITH ORDINALITY AS asked (session_id, machine_id, file_name, generation, range_end, number)
JOIN transcript_files AS f USING (session_id, machine_id, file_name)
WHERE f.generation > asked.generation OR (f.generation = asked.generation AND f.parsed_offset >= asked.range_end)

-- name: stored
-- The owner of the session; while it has none, the user whose file came first. Users by their present names.
SELECT coalesce(f.generation, 0) AS generation, coalesce(f.stored_offset, 0) AS stored_offset,
    coalesce(of_session.name, first.name) AS session_user, of_machine.name AS machine_user
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT generation, stored_offset FROM transcript_files
    WHERE session_id = %(session_id)s AND file_name = %(file_name)s AND machine_id = %(machine_id)s
    ORDER BY generation DESC LIMIT 1) AS f ON true
LEFT JOIN LATERAL (
    SELECT coalesce(o.name, u.name) AS name
    FROM sessions AS s JOIN users AS u ON u.id = s.user_id LEFT JOIN users AS o ON o.id = u.alias_of
    WHERE s.session_id = %(session_id)s) AS of_session ON true
LEFT JOIN LATERAL (
    SELECT coalesce(o.name, u.name, t.user_name) AS name
    FROM transcript_files AS t LEFT JOIN users AS u ON u.name = t.user_name LEFT JOIN users AS o ON o.id = u.alias_of
    WHERE t.session_id = %(session_id)s AND t.user_name IS NOT NULL ORDER BY t.id LIMIT 1) AS first ON true
LEFT JOIN LATERAL (
    SELECT coalesce(o.name, u.name, m.user_name) AS name
    FROM machines AS m LEFT JOIN users AS u ON u.name = m.user_name LEFT JOIN users AS o ON o.id = u.alias_of
    WHERE m.machine_id = %(machine_id)s) AS of_machine ON true
