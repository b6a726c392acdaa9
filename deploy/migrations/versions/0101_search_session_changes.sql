-- Which sessions have other documents than before, and since which transaction: what each query host follows to keep its index of sessions
-- (docs/adr/0108-sessions-are-ranked-by-tantivy.md). A reader that has seen all transactions before `xmin` of its snapshot goes on from there, and
-- misses none, in whichever order they commit.
CREATE TABLE search_session_changes (
    session_id text PRIMARY KEY,
    changed_by xid8 NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX search_session_changes_by_transaction ON search_session_changes (changed_by);

-- Each is a demand that every query host makes its index anew from what Postgres has by then, since a scrub, an erasure or a run of retention took
-- texts away: a deleted document leaves its words in a segment until that is merged.
CREATE TABLE search_purges (
    number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION search_note_session_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- In one order, so that two writers never wait for each other.
    INSERT INTO search_session_changes (session_id, changed_by)
    SELECT DISTINCT session_id, pg_current_xact_id() FROM changed_rows WHERE session_id IS NOT NULL ORDER BY session_id
    ON CONFLICT (session_id) DO UPDATE SET changed_by = excluded.changed_by WHERE search_session_changes.changed_by <> excluded.changed_by;
    RETURN NULL;
END $$;

CREATE TRIGGER search_note_inserted AFTER INSERT ON search_documents REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_session_changes();
-- A document that moves to another session (a fork) is in both.
CREATE TRIGGER search_note_updated_from AFTER UPDATE ON search_documents REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_session_changes();
CREATE TRIGGER search_note_updated_to AFTER UPDATE ON search_documents REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_session_changes();
CREATE TRIGGER search_note_deleted AFTER DELETE ON search_documents REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION search_note_session_changes();

INSERT INTO search_session_changes (session_id, changed_by)
SELECT DISTINCT session_id, pg_current_xact_id() FROM search_documents WHERE session_id IS NOT NULL;
