-- The search index: everything that can be found, in one table. It is derived: the indexer makes a document again of each row that is noted in
-- search_pending, by triggers, so that no way of writing a row can forget it.

CREATE TABLE search_documents (
    -- Of a message, tool call or timeline entry: its id. Of a session and of a project's file: a hash of its key.
    id          uuid PRIMARY KEY,
    -- message, tool_call, session, file.
    kind        text NOT NULL,
    session_id  text,
    project_id  bigint NOT NULL,
    user_id     bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    role        text,
    tool_name   text,
    is_error    boolean NOT NULL DEFAULT false,
    agent_id    text,
    -- Of a tool call: its input, and behind `result_at` characters its result.
    content     text NOT NULL,
    result_at   integer,
    -- Made by shared/document_words.py. A vector hardly compresses: pglz spared 1 % of it, for 0.2 s of CPU in the 4 s that the samples take.
    terms       tsvector STORAGE EXTERNAL NOT NULL,
    -- Whether each lexeme of `terms` has all of its places.
    has_places  boolean NOT NULL,
    -- Of a call with a result: its MD5. The result itself is kept once, with the call.
    result_key  uuid
) WITH (toast_tuple_target = 256);
CREATE INDEX search_documents_by_project ON search_documents (project_id, occurred_at DESC, id DESC);
CREATE INDEX search_documents_by_session ON search_documents (session_id, occurred_at DESC, id DESC);
CREATE INDEX search_documents_by_terms ON search_documents USING gin (terms);
CREATE INDEX search_documents_by_time ON search_documents (occurred_at DESC, id DESC);

-- Rows whose documents are to be made again. The newest events come first, so that an import of old ones holds up nobody.
CREATE TABLE search_pending (
    number   bigint GENERATED ALWAYS AS IDENTITY,
    -- message, tool_call, timeline_entry, session, file; backfill: all rows of a table.
    kind     text NOT NULL,
    -- Up to 256 ids of rows or sessions, or 'project_id file_key'. Of a backfill: the table, and the key of the last row that was read.
    -- Ids do not compress.
    keys     text[] STORAGE EXTERNAL NOT NULL,
    -- How many keys; of a backfill about how many rows are left.
    rows     bigint NOT NULL,
    -- When the newest of the events happened.
    newest   timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (newest, number)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- Words of people and Claude, to find one that is near to a misspelt one (docs/adr/0072-words-have-places-and-a-dictionary.md). The counts of frequent
-- words change with every slice: with room on its page a row's new version needs no entries in the two indexes.
CREATE TABLE search_words (
    word      text PRIMARY KEY,
    documents bigint NOT NULL,
    -- In how many documents a word stands. `documents` counts those alone in which somebody wrote it.
    found_in  bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
-- What is new is put into the trigrams in lists of 1 MB, not of 4 MB. The pages of a list stay in the index, which becomes 3 MB smaller
-- (docs/evidence/disk.md). Not so search_documents_by_terms: there a list of 1 MB costs a fifth more CPU, and half as much log again.
CREATE INDEX search_words_by_trigrams ON search_words USING gin (word gin_trgm_ops) WITH (gin_pending_list_limit = 1024);

-- Results that documents were made of and calls no longer have: the words of a document are counted until it is written again or deleted.
CREATE TABLE search_former_results (
    id         uuid NOT NULL,                   -- of the call
    result_key uuid NOT NULL,
    result     text NOT NULL,
    PRIMARY KEY (id, result_key)
);

-- Documents with whole texts. The row-level security of the tables holds for whoever asks. To cut a text counts its characters, which takes as long as a
-- look at it.
CREATE VIEW search_texts WITH (security_invoker = true) AS
SELECT d.id, d.kind, d.session_id, d.project_id, d.user_id, d.occurred_at, d.role, d.tool_name, d.is_error, d.agent_id,
    CASE WHEN d.result_key IS NULL THEN d.content
        ELSE d.content || E'\n' || (
            SELECT CASE WHEN octet_length(t.result) <= 32768 THEN t.result ELSE left(t.result, 32768) END FROM tool_calls AS t WHERE t.id = d.id)
        END AS content,
    d.result_at, d.terms, d.has_places,
    -- What a call was given, to where its result begins.
    CASE WHEN d.result_key IS NULL THEN d.content ELSE d.content || E'\n' END AS input,
    -- Told without reading the texts.
    CASE WHEN d.result_key IS NULL THEN octet_length(d.content)
        ELSE octet_length(d.content) + 1 + coalesce((SELECT octet_length(t.result) FROM tool_calls AS t WHERE t.id = d.id), 0) END AS bytes
FROM search_documents AS d;

-- Messages that wait for the indexer. A search looks at the newest of them as they are. Keys that are bound to projects see ids of all projects, and
-- only rows of theirs. Without keys: all messages of a database that the index has not seen yet.
CREATE VIEW search_noted_messages AS
SELECT newest, number, rows, CASE WHEN kind = 'message' THEN keys END AS keys
FROM search_pending
WHERE kind = 'message' OR (kind = 'backfill' AND keys[1] = 'messages');

CREATE FUNCTION search_note_messages() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'message', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT n.id::text, n.occurred_at, row_number() OVER (ORDER BY n.occurred_at DESC) / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE (n.session_id, n.project_id, n.user_id, n.occurred_at, n.role, n.agent_id, n.content)
                    IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.occurred_at, o.role, o.agent_id, o.content)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'message', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT id::text, occurred_at, row_number() OVER (ORDER BY occurred_at DESC) / 256 AS part FROM changed_rows) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- What is no longer a call's result is kept until its document is.
CREATE FUNCTION search_note_tool_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_former_results (id, result_key, result)
        SELECT o.id, md5(o.result)::uuid, o.result FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
        WHERE o.result IS NOT NULL AND n.result IS DISTINCT FROM o.result
        ON CONFLICT DO NOTHING;
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'tool_call', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT n.id::text, n.occurred_at, row_number() OVER (ORDER BY n.occurred_at DESC) / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE (n.session_id, n.project_id, n.user_id, n.occurred_at, n.tool_name, n.status, n.agent_id, n.result, n.parameters::text)
                    IS DISTINCT FROM
                    (o.session_id, o.project_id, o.user_id, o.occurred_at, o.tool_name, o.status, o.agent_id, o.result, o.parameters::text)
             ) AS r GROUP BY part;
    ELSE
        IF TG_OP = 'DELETE' THEN
            INSERT INTO search_former_results (id, result_key, result)
            SELECT id, md5(result)::uuid, result FROM changed_rows WHERE result IS NOT NULL
            ON CONFLICT DO NOTHING;
        END IF;
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'tool_call', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT id::text, occurred_at, row_number() OVER (ORDER BY occurred_at DESC) / 256 AS part FROM changed_rows) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- Of timeline entries those that are found without being asked for. Thinking is not.
CREATE FUNCTION search_note_timeline_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'timeline_entry', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT n.id::text, n.occurred_at, row_number() OVER (ORDER BY n.occurred_at DESC) / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
              WHERE n.kind IN ('compaction_summary', 'command', 'command_output')
                AND (n.session_id, n.project_id, n.user_id, n.occurred_at, n.agent_id, n.content)
                    IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.occurred_at, o.agent_id, o.content)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'timeline_entry', array_agg(id), count(*), max(occurred_at)
        FROM (SELECT id::text, occurred_at, row_number() OVER (ORDER BY occurred_at DESC) / 256 AS part FROM changed_rows
              WHERE kind IN ('compaction_summary', 'command', 'command_output')) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- A file's document says when the file was last changed, and in which session.
CREATE FUNCTION search_note_activities() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'file', array_agg(key), count(*), max(newest)
        FROM (SELECT project_id || ' ' || file_key AS key, max(occurred_at) AS newest,
                     row_number() OVER (ORDER BY max(occurred_at) DESC) / 256 AS part
              FROM (SELECT e.project_id, e.file_key, e.occurred_at
                    FROM new_rows AS n JOIN old_rows AS o ON o.id = n.id
                    CROSS JOIN LATERAL (VALUES (n.project_id, n.file_key, n.occurred_at), (o.project_id, o.file_key, o.occurred_at))
                        AS e (project_id, file_key, occurred_at)
                    WHERE (n.session_id, n.project_id, n.user_id, n.file_key, n.occurred_at)
                          IS DISTINCT FROM (o.session_id, o.project_id, o.user_id, o.file_key, o.occurred_at)) AS changed
              GROUP BY project_id, file_key) AS r GROUP BY part;
    ELSE
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'file', array_agg(key), count(*), max(newest)
        FROM (SELECT project_id || ' ' || file_key AS key, max(occurred_at) AS newest,
                     row_number() OVER (ORDER BY max(occurred_at) DESC) / 256 AS part
              FROM changed_rows GROUP BY project_id, file_key) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- A path changes by a scrub alone.
CREATE FUNCTION search_note_files() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (kind, keys, rows, newest)
    SELECT 'file', array_agg(key), count(*), now()
    FROM (SELECT a.project_id || ' ' || a.file_key AS key, row_number() OVER () / 256 AS part
          FROM new_rows AS n JOIN old_rows AS o ON o.file_key = n.file_key JOIN activities AS a ON a.file_key = n.file_key
          WHERE n.file_path <> o.file_path GROUP BY a.project_id, a.file_key) AS r GROUP BY part;
    RETURN NULL;
END $$;

CREATE FUNCTION search_note_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'session', array_agg(session_id), count(*), max(newest)
        FROM (SELECT n.session_id, coalesce(n.last_event_at, n.created_at) AS newest,
                     row_number() OVER (ORDER BY n.last_event_at DESC) / 256 AS part
              FROM new_rows AS n JOIN old_rows AS o ON o.session_id = n.session_id
              WHERE (n.counted, n.project_id, n.user_id, n.dated_at, n.title, n.git_branch)
                    IS DISTINCT FROM (o.counted, o.project_id, o.user_id, o.dated_at, o.title, o.git_branch)) AS r GROUP BY part;
    ELSE
        INSERT INTO search_pending (kind, keys, rows, newest)
        SELECT 'session', array_agg(session_id), count(*), max(newest)
        FROM (SELECT session_id, coalesce(last_event_at, created_at) AS newest, row_number() OVER (ORDER BY last_event_at DESC) / 256 AS part
              FROM changed_rows WHERE counted) AS r GROUP BY part;
    END IF;
    RETURN NULL;
END $$;

-- It is a person who does this, and who looks at once.
CREATE FUNCTION search_note_session_marks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (kind, keys, rows, newest) VALUES ('session', ARRAY[coalesce(NEW.session_id, OLD.session_id)], 1, now());
    RETURN NULL;
END $$;

CREATE TRIGGER search_note_inserted AFTER INSERT ON messages REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_messages();
CREATE TRIGGER search_note_updated AFTER UPDATE ON messages REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_messages();
CREATE TRIGGER search_note_deleted AFTER DELETE ON messages REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_messages();
CREATE TRIGGER search_note_inserted AFTER INSERT ON tool_calls REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_tool_calls();
CREATE TRIGGER search_note_updated AFTER UPDATE ON tool_calls REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_tool_calls();
CREATE TRIGGER search_note_deleted AFTER DELETE ON tool_calls REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_tool_calls();
CREATE TRIGGER search_note_inserted AFTER INSERT ON timeline_entries REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_timeline_entries();
CREATE TRIGGER search_note_updated AFTER UPDATE ON timeline_entries REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_timeline_entries();
CREATE TRIGGER search_note_deleted AFTER DELETE ON timeline_entries REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_timeline_entries();
CREATE TRIGGER search_note_inserted AFTER INSERT ON activities REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_activities();
CREATE TRIGGER search_note_updated AFTER UPDATE ON activities REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_activities();
CREATE TRIGGER search_note_deleted AFTER DELETE ON activities REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_activities();
CREATE TRIGGER search_note_updated AFTER UPDATE ON files REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_files();
CREATE TRIGGER search_note_inserted AFTER INSERT ON sessions REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_sessions();
CREATE TRIGGER search_note_updated AFTER UPDATE ON sessions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_sessions();
CREATE TRIGGER search_note_deleted AFTER DELETE ON sessions REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_sessions();
CREATE TRIGGER search_note AFTER INSERT OR UPDATE OR DELETE ON session_marks FOR EACH ROW EXECUTE FUNCTION search_note_session_marks();
