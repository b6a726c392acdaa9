-- Search in conversations asks the index of everything. This release neither reads nor writes messages.terms. Services of the release before do, until
-- they are exchanged: so the column stays, empty in new rows, and a later release drops it with its index. Their search finds new rows by the other index.

ALTER TABLE messages ALTER COLUMN terms SET DEFAULT '';

-- The words of a text go with the text: what a scrub takes out, or a better version replaces, does not stay in them.
CREATE FUNCTION messages_forget_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.terms := '';
    RETURN NEW;
END $$;
CREATE TRIGGER messages_forget_terms BEFORE UPDATE OF content ON messages FOR EACH ROW WHEN (OLD.content IS DISTINCT FROM NEW.content)
    EXECUTE FUNCTION messages_forget_terms();

-- In a new database nobody uses the index.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM messages) THEN
        DROP INDEX messages_by_terms;
    END IF;
END $$;

-- Messages that wait for the indexer. A search looks at the newest of them as they are. Keys that are bound to projects see ids of all projects, and
-- only rows of theirs. Without keys: all messages of a database that the index has not seen yet.
CREATE VIEW search_noted_messages AS
SELECT newest, number, rows, CASE WHEN kind = 'message' THEN keys END AS keys
FROM search_pending
WHERE kind = 'message' OR (kind = 'backfill' AND keys[1] = 'messages');
GRANT SELECT (newest, number, rows, keys) ON search_noted_messages TO tracker_bound;
