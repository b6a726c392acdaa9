-- name: add_segments
INSERT INTO transcript_segments (file_id, number, end_offset, sha256, raw_bytes, stored_bytes)
SELECT * FROM unnest(%(file_ids)s::bigint[], %(numbers)s::integer[], %(end_offsets)s::bigint[], %(sha256s)s::bytea[], %(raw_bytes)s::bigint[],
    %(stored_bytes)s::bigint[])

-- name: note
-- A range has no name.
INSERT INTO damaged_segments (file_id, sha256, reason)
SELECT id, %(sha256)s, %(reason)s FROM transcript_files WHERE id = %(file_id)s
ON CONFLICT (file_id, sha256) DO UPDATE SET reason = excluded.reason
