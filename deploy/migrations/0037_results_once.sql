-- The result of a call is kept once, with the call; its document has it by its MD5, `result_key`. What is stored stays as it is until it is written
-- again: a document without that key has its result in its content, as the version before writes it.

ALTER TABLE search_documents ADD COLUMN result_key uuid;

-- Results that documents were made of and calls no longer have: the words of a document are counted until it is written again or deleted.
CREATE TABLE search_former_results (
    id         uuid NOT NULL,              -- of the call
    result_key uuid NOT NULL,
    result     text NOT NULL,
    PRIMARY KEY (id, result_key)
);

-- The version before knows no keys: where it writes a whole content over one that has one, the key goes.
CREATE FUNCTION search_drop_result_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.result_key := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER search_drop_result_key BEFORE UPDATE ON search_documents FOR EACH ROW
    WHEN (NEW.result_key IS NOT NULL AND length(NEW.content) >= NEW.result_at) EXECUTE FUNCTION search_drop_result_key();

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
    CASE WHEN d.result_key IS NULL THEN left(d.content, coalesce(d.result_at, length(d.content))) ELSE d.content || E'\n' END AS input,
    -- Told without reading the texts.
    CASE WHEN d.result_key IS NULL THEN octet_length(d.content)
        ELSE octet_length(d.content) + 1 + coalesce((SELECT octet_length(t.result) FROM tool_calls AS t WHERE t.id = d.id), 0) END AS bytes
FROM search_documents AS d;
GRANT SELECT ON search_texts TO tracker_bound;

-- As in 0024, and what is no longer a call's result is kept until its document is.
CREATE OR REPLACE FUNCTION search_note_tool_calls() RETURNS trigger LANGUAGE plpgsql AS $$
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
