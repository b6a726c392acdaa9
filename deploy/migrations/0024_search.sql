-- The search index: everything that can be found, in one table. It is derived: the indexer makes a document again of each row that is noted in
-- search_pending, by triggers, so that no way of writing a row can forget it.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

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
    -- Made by shared/search_terms.py.
    terms       tsvector NOT NULL
) WITH (toast_tuple_target = 256);
CREATE INDEX search_documents_by_time ON search_documents (occurred_at DESC, id DESC);
CREATE INDEX search_documents_by_project ON search_documents (project_id, occurred_at DESC, id DESC);
CREATE INDEX search_documents_by_session ON search_documents (session_id, occurred_at DESC, id DESC);
CREATE INDEX search_documents_by_terms ON search_documents USING gin (terms);
CREATE INDEX search_documents_by_trigrams ON search_documents USING gin (content gin_trgm_ops);

ALTER TABLE search_documents ENABLE ROW LEVEL SECURITY;
CREATE POLICY bound ON search_documents FOR SELECT TO tracker_bound USING (project_id = ANY (bound_projects()));
GRANT SELECT ON search_documents TO tracker_bound;

-- Rows whose documents are to be made again.
CREATE TABLE search_pending (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind   text NOT NULL,
    -- The row's id, a session's id, or 'project_id file_key'.
    key    text NOT NULL
);

-- Words of people and Claude, to find one that is near to a misspelt one.
CREATE TABLE search_words (
    word      text PRIMARY KEY,
    documents bigint NOT NULL
);
CREATE INDEX search_words_by_trigrams ON search_words USING gin (word gin_trgm_ops);
