-- Reparse: jobs that derive the rows of archived transcripts anew.

ALTER TABLE import_jobs
    -- Of a reparse: {"session_id": "…"}, {"project_id": 7}, or {} for everything.
    ADD COLUMN selection jsonb NOT NULL DEFAULT '{}',
    -- How many rows it added, changed and removed: {"messages_changed": 3}.
    ADD COLUMN changes   jsonb NOT NULL DEFAULT '{}';
