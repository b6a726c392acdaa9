-- name: note
-- A range has no name.
INSERT INTO damaged_segments (file_id, sha256, reason)
SELECT id, %(sha256)s, %(reason)s FROM transcript_files WHERE id = %(file_id)s
ON CONFLICT (file_id, sha256) DO UPDATE SET reason = excluded.reason
