-- name: read_ranges
-- What a newer generation replaces is not read any more.
SELECT DISTINCT asked.number
FROM unnest(%(session_ids)s::text[], %(machine_ids)s::text[], %(file_names)s::text[], %(generations)s::bigint[], %(ends)s::bigint[])
    WITH ORDINALITY AS asked (session_id, machine_id, file_name, generation, range_end, number)
JOIN transcript_files AS f USING (session_id, machine_id, file_name)
WHERE f.generation > asked.generation OR (f.generation = asked.generation AND f.parsed_offset >= asked.range_end)
