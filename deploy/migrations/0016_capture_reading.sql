-- How the reading of captured transcripts goes, so that one file cannot hold up the others.

ALTER TABLE transcript_files
    -- How many readings were begun since the last one that was committed. Several: the file may have ended the process.
    ADD COLUMN read_attempts smallint NOT NULL DEFAULT 0,
    -- Set aside until then.
    ADD COLUMN read_again_at timestamptz;

-- Which files gave certain facts of a session.
CREATE INDEX transcript_files_by_facts ON transcript_files USING gin (facts_ids);

ALTER TABLE import_jobs VALIDATE CONSTRAINT import_jobs_kind_check;
