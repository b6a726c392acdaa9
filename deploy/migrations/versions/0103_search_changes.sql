-- Rows that have other texts than before, and the transaction that changed them: each query host follows this to keep its own search index
-- (docs/adr/0110-one-engine-for-search.md). A reader that has seen all transactions of a snapshot goes on from there, and misses none, in whichever
-- order they commit. Triggers note every change, so that no way of writing a row can forget it.
CREATE TABLE search_changes (
    number      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    changed_by  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    noted_at    timestamptz NOT NULL DEFAULT now(),
    -- message, tool_call, timeline_entry, session, file.
    kind        text NOT NULL,
    -- Up to 256 ids of rows or sessions, or 'project_id file_key user_id'. Ids do not compress.
    keys        text[] STORAGE EXTERNAL NOT NULL,
    row_count   integer NOT NULL GENERATED ALWAYS AS (cardinality(keys)) STORED,
    -- Sessions whose texts changed with them.
    session_ids text[] STORAGE EXTERNAL NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX search_changes_by_transaction ON search_changes (changed_by);

-- At most one row. Notes of transactions before this one may be gone: an index that has not seen all of them is made anew. In a restored dump it may be
-- of a time that this server has not had yet: then it says nothing, and an index of before is of another database.
CREATE TABLE search_changes_kept (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    since  xid8 NOT NULL
);

CREATE OR REPLACE FUNCTION search_note_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'message', array_agg(id), array_remove(array_agg(DISTINCT before) || array_agg(DISTINCT now), NULL)
        FROM (SELECT n.id::text, o.session_id AS before, n.session_id AS now, row_number() OVER () / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE (n.session_id, n.project_id, n.user_id, n.occurred_at, n.role, n.agent_id, n.model, n.source, n.content)
                    IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.occurred_at, o.role, o.agent_id, o.model, o.source, o.content)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'message', array_agg(id), array_remove(array_agg(DISTINCT session_id), NULL)
        FROM (SELECT id::text, session_id, row_number() OVER () / 256 AS part FROM changed_rows) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION search_note_tool_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'tool_call', array_agg(id), array_remove(array_agg(DISTINCT before) || array_agg(DISTINCT now), NULL)
        FROM (SELECT n.id::text, o.session_id AS before, n.session_id AS now, row_number() OVER () / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE (n.session_id, n.project_id, n.user_id, n.occurred_at, n.tool_name, n.status, n.agent_id, n.result, n.parameters::text)
                    IS DISTINCT FROM
                    (o.session_id, o.project_id, o.user_id, o.occurred_at, o.tool_name, o.status, o.agent_id, o.result, o.parameters::text)
             ) AS r GROUP BY part;
    ELSE
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'tool_call', array_agg(id), array_remove(array_agg(DISTINCT session_id), NULL)
        FROM (SELECT id::text, session_id, row_number() OVER () / 256 AS part FROM changed_rows) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- Notes those timeline entries that are found without being asked for. Thinking is not.
CREATE OR REPLACE FUNCTION search_note_timeline_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'timeline_entry', array_agg(id), array_remove(array_agg(DISTINCT before) || array_agg(DISTINCT now), NULL)
        FROM (SELECT n.id::text, o.session_id AS before, n.session_id AS now, row_number() OVER () / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE n.kind IN ('compaction_summary', 'command', 'command_output')
                AND (n.session_id, n.project_id, n.user_id, n.occurred_at, n.agent_id, n.content)
                    IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.occurred_at, o.agent_id, o.content)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'timeline_entry', array_agg(id), array_remove(array_agg(DISTINCT session_id), NULL)
        FROM (SELECT id::text, session_id, row_number() OVER () / 256 AS part FROM changed_rows
              WHERE kind IN ('compaction_summary', 'command', 'command_output')) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- A file is found once for each of its users: it says when the user changed it last, and in which session. Who may not see one user's changes finds
-- the file by those of another as before.
CREATE OR REPLACE FUNCTION search_note_activities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'file', array_agg(DISTINCT key), array_remove(array_agg(DISTINCT session_id), NULL)
        FROM (SELECT e.project_id || ' ' || e.file_key || ' ' || e.user_id AS key, e.session_id, row_number() OVER () / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              CROSS JOIN LATERAL (
                  VALUES (n.project_id, n.file_key, n.user_id, n.session_id), (o.project_id, o.file_key, o.user_id, o.session_id))
                  AS e (project_id, file_key, user_id, session_id)
              WHERE (n.session_id, n.project_id, n.user_id, n.file_key, n.occurred_at)
                    IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.file_key, o.occurred_at)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'file', array_agg(DISTINCT key), array_remove(array_agg(DISTINCT session_id), NULL)
        FROM (SELECT project_id || ' ' || file_key || ' ' || user_id AS key, session_id, row_number() OVER () / 256 AS part
              FROM changed_rows GROUP BY project_id, file_key, user_id, session_id) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- A path changes by a scrub alone.
CREATE OR REPLACE FUNCTION search_note_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_changes (kind, keys, session_ids)
    SELECT 'file', array_agg(DISTINCT key), array_remove(array_agg(DISTINCT session_id), NULL)
    FROM (SELECT a.project_id || ' ' || a.file_key || ' ' || a.user_id AS key, a.session_id, row_number() OVER () / 256 AS part
          FROM new_rows AS n JOIN old_rows AS o ON o.file_key = n.file_key JOIN activities AS a ON a.file_key = n.file_key
          WHERE n.file_path <> o.file_path GROUP BY a.project_id, a.file_key, a.user_id, a.session_id) AS r GROUP BY part;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION search_note_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'session', array_agg(session_id), array_agg(session_id)
        FROM (SELECT n.session_id, row_number() OVER () / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.session_id = n.session_id
              WHERE (n.counted, n.project_id, n.user_id, n.dated_at, n.title, n.git_branch)
                    IS DISTINCT FROM (o.counted, o.project_id, o.user_id, o.dated_at, o.title, o.git_branch)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_changes (kind, keys, session_ids)
        SELECT 'session', array_agg(session_id), array_agg(session_id)
        FROM (SELECT session_id, row_number() OVER () / 256 AS part FROM changed_rows WHERE counted) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION search_note_session_marks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text := coalesce(NEW.session_id, OLD.session_id);
BEGIN
    INSERT INTO search_changes (kind, keys, session_ids) VALUES ('session', ARRAY[changed], ARRAY[changed]);
    RETURN NULL;
END $$;

-- A session is found by the name of its project.
CREATE FUNCTION search_note_project_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_changes (kind, keys, session_ids)
    SELECT 'session', '{}', array_agg(session_id)
    FROM (SELECT session_id, row_number() OVER () / 256 AS part FROM sessions WHERE project_id = NEW.id AND counted) AS r GROUP BY part;
    RETURN NULL;
END $$;
CREATE TRIGGER search_note_name AFTER UPDATE OF name ON projects FOR EACH ROW WHEN (NEW.name IS DISTINCT FROM OLD.name)
    EXECUTE FUNCTION search_note_project_name();

-- Drops what was derived before: documents, their dictionary, what waited for the indexer, and sessions whose documents changed. Until an upgrade has replaced
-- the query processes and workers of the version before, their searches fail, and jobs that change texts are tried again.
DROP VIEW search_noted_messages, search_texts;
DROP TABLE search_documents, search_pending, search_words, search_former_results, search_session_changes;
DROP FUNCTION search_note_session_changes();
