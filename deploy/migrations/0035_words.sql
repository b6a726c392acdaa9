-- Words with all of their places, and a dictionary of them instead of trigrams of all texts (docs/adr/0072-words-have-places-and-a-dictionary.md).

-- NULL: the terms are those of the version before. Else whether each lexeme of `terms` has all of its places.
ALTER TABLE search_documents ADD COLUMN has_places boolean;

-- In how many documents a word stands. `documents` counts those alone in which somebody wrote it.
ALTER TABLE search_words ADD COLUMN found_in bigint NOT NULL DEFAULT 0;

-- Searches of the version before do without: they walk.
DROP INDEX search_documents_by_trigrams;

-- What the version before still writes is noted, to be written again.
CREATE FUNCTION search_note_outdated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO search_pending (kind, keys, rows, newest)
    SELECT NEW.kind, array_agg(key), count(*), '-infinity'
    FROM (SELECT NEW.id::text AS key WHERE NEW.kind NOT IN ('session', 'file')
          UNION ALL SELECT NEW.session_id WHERE NEW.kind = 'session'
          UNION ALL SELECT NEW.project_id || ' ' || file_key FROM files
          WHERE NEW.kind = 'file' AND left(file_path, 400) = left(NEW.content, 400) AND file_path = NEW.content) AS r
    HAVING count(*) > 0;
    RETURN NULL;
END $$;
CREATE TRIGGER search_note_outdated AFTER INSERT OR UPDATE ON search_documents FOR EACH ROW WHEN (NEW.has_places IS NULL)
    EXECUTE FUNCTION search_note_outdated();

-- It deletes words that nobody wrote; the dictionary needs them.
CREATE FUNCTION search_keep_word() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER search_keep_word BEFORE DELETE ON search_words FOR EACH ROW WHEN (OLD.found_in > 0) EXECUTE FUNCTION search_keep_word();

-- All documents are made again in the background, behind everything that is new. Until then literals do without the dictionary.
DELETE FROM search_pending WHERE kind = 'backfill';
INSERT INTO search_pending (kind, keys, rows, newest)
SELECT 'backfill', ARRAY[relname::text], greatest(reltuples::bigint, 1), '-infinity'
FROM pg_class
WHERE oid = ANY (ARRAY['sessions', 'files', 'timeline_entries', 'tool_calls', 'messages']::regclass[])
  AND EXISTS (SELECT FROM sessions WHERE counted UNION ALL SELECT FROM messages UNION ALL SELECT FROM tool_calls UNION ALL SELECT FROM activities)
ORDER BY relname = 'messages' DESC, relname;
