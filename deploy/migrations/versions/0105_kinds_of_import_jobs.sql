-- The kinds are entries of shared/jobs.py, as those of the table jobs. A list here would be a second one.
ALTER TABLE import_jobs DROP CONSTRAINT import_jobs_kind_check;
