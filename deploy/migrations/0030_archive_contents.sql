-- The archive keeps each content of a file that imports brought, and a reparse goes on in short steps.

-- Of machine '': each content that imports brought of one file is a generation of its own. Without a machine, they are in no order.
ALTER TABLE transcript_files
    -- A longer content, also of an import, that begins with this one. It is not listed then.
    ADD COLUMN continued_by bigint REFERENCES transcript_files ON DELETE SET NULL;
CREATE INDEX transcript_files_continued ON transcript_files (continued_by) WHERE continued_by IS NOT NULL;

-- The rows and facts of the sessions that a reparse is at, as they were before. It needs no backup: a reparse that finds nothing here begins its
-- sessions anew.
CREATE UNLOGGED TABLE reparse_rows (
    job_number integer NOT NULL,
    relation   text NOT NULL,              -- the row's table
    id         uuid NOT NULL,              -- of a session, the MD5 of its id
    call_id    uuid,                       -- of an activity: the tool call that made it
    content    uuid,                       -- MD5 of the row as it was; NULL: the reparse adds it
    is_archived boolean NOT NULL,          -- only contents of the archive brought it
    is_read    boolean NOT NULL DEFAULT false,  -- today's reader gives it too
    PRIMARY KEY (job_number, relation, id)
);

-- Segments that could not be read when somebody last tried: a reparse, a scrub, compaction, or `verify --archive`.
CREATE TABLE damaged_segments (
    file_id  bigint NOT NULL REFERENCES transcript_files ON DELETE CASCADE,
    sha256   bytea NOT NULL,               -- the content's name
    reason   text NOT NULL CHECK (reason IN ('missing', 'damaged')),
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (file_id, sha256)
);
