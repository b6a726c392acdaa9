-- name: imported_files
INSERT INTO imported_files (sha256, job_number, reader_version)
SELECT DISTINCT sha256, %(job_number)s, %(reader_version)s FROM unnest(%(sha256s)s::bytea[]) AS f (sha256)
ON CONFLICT (sha256, job_number) DO UPDATE SET reader_version = greatest(imported_files.reader_version, excluded.reader_version)
