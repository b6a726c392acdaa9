-- name: add_segments
INSERT INTO transcript_segments (file_id, number, end_offset, sha256, raw_bytes, stored_bytes)
SELECT * FROM unnest(%(file_ids)s::bigint[], %(numbers)s::integer[], %(end_offsets)s::bigint[], %(sha256s)s::bytea[], %(raw_bytes)s::bigint[],
    %(stored_bytes)s::bigint[])
