-- What imports leave out is counted, and a file is known only as far as its records were stored.

-- {"reason": number}: records that are known, and of which nothing was kept.
ALTER TABLE import_jobs ADD COLUMN skipped_records jsonb NOT NULL DEFAULT '{}';

-- Which importers read the file to its end and stored all that they found. Files that an older release read are asked for again: it left out
-- subagents that only `agent_progress` tells of, and it noted files of which some records were another user's.
ALTER TABLE imported_files ADD COLUMN reader_version smallint NOT NULL DEFAULT 1;

-- Whether a live event ever named the session. A session that only files tell of does not take tool calls that name none.
ALTER TABLE sessions ADD COLUMN seen_live boolean NOT NULL DEFAULT false;
-- Only of open ones it matters; the next live event of another says it again.
UPDATE sessions AS s SET seen_live = true
WHERE counted AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false)) AND last_event_at IS NOT NULL
  AND (EXISTS (SELECT FROM session_events AS e WHERE e.session_id = s.session_id)
       OR EXISTS (SELECT FROM messages AS e WHERE e.session_id = s.session_id AND coalesce(0 = ANY(e.brought_by), true))
       OR EXISTS (SELECT FROM tool_calls AS e WHERE e.session_id = s.session_id AND coalesce(0 = ANY(e.brought_by), true))
       OR EXISTS (SELECT FROM activities AS e WHERE e.session_id = s.session_id AND coalesce(0 = ANY(e.brought_by), true)));
