-- name: lag
-- A range begins where its file is read to, if it is the next one. Files that are set aside are counted apart. One that waits for an archive that is
-- away has no attempts, and is behind as others are.
SELECT coalesce(extract(epoch FROM clock_timestamp() - least(
        (SELECT min(r.received_at) FROM transcript_files AS f
         JOIN transcript_ranges AS r ON r.file_id = f.id AND r.start_offset = f.parsed_offset
         WHERE f.parsed_offset < f.stored_offset AND f.brought_by IS NULL
             AND (f.read_again_at IS NULL OR f.read_attempts = 0)),
        (SELECT min(received_at) FROM hook_payloads),
        (SELECT min(received_at) FROM signals WHERE is_new))), 0)::float8 AS oldest_seconds,
    (SELECT count(*) FROM transcript_files AS f
     WHERE f.parsed_offset < f.stored_offset AND f.brought_by IS NULL AND f.read_again_at IS NOT NULL
         AND f.read_attempts > 0) AS set_aside
