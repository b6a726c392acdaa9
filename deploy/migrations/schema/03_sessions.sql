-- Sessions: each as a whole, what told of it, and what people say of it.

-- A session and its totals, derived from its events, rows and facts.
CREATE TABLE sessions (
    session_id            text PRIMARY KEY,
    project_id            bigint NOT NULL DEFAULT 0,
    user_id               bigint NOT NULL DEFAULT 0,
    -- false: only its ids were handed out by ingest; the worker has not yet applied anything of it. Not listed, not counted.
    counted               boolean NOT NULL DEFAULT false,
    -- Said by the client: the earliest start, the latest end.
    started_at            timestamptz,
    ended_at              timestamptz,
    -- Seen in its events, starts and ends included.
    first_event_at        timestamptz,
    last_event_at         timestamptz,
    -- Closed by the sweep of idle sessions at this last_event_at; a later event makes it open again.
    idle_closed_at        timestamptz,
    -- When it counts as having happened: its start, else its end, else -infinity.
    dated_at              timestamptz NOT NULL DEFAULT '-infinity',
    model                 text,
    git_branch            text,
    client_version        text,
    source                text,
    -- Union of [t, t + idle gap) over its events.
    active_ranges         tstzmultirange NOT NULL DEFAULT '{}',
    wall_us               bigint NOT NULL DEFAULT 0,
    active_us             bigint NOT NULL DEFAULT 0,
    user_messages         bigint NOT NULL DEFAULT 0,
    assistant_messages    bigint NOT NULL DEFAULT 0,
    tool_calls            bigint NOT NULL DEFAULT 0,
    tool_errors           bigint NOT NULL DEFAULT 0,
    files_modified        bigint NOT NULL DEFAULT 0,
    lines_added           bigint NOT NULL DEFAULT 0,
    lines_removed         bigint NOT NULL DEFAULT 0,
    input_tokens          bigint NOT NULL DEFAULT 0,
    output_tokens         bigint NOT NULL DEFAULT 0,
    cache_creation_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens     bigint NOT NULL DEFAULT 0,
    cost_nano_usd         bigint,
    -- What claude.json says of the session as a whole: numbers, of each the greatest seen.
    snapshot              jsonb,
    -- true: the lines (the tokens and cost) above are the snapshot's, because the session's events say nothing of them.
    lines_from_snapshot   boolean NOT NULL DEFAULT false,
    usage_from_snapshot   boolean NOT NULL DEFAULT false,
    created_at            timestamptz NOT NULL DEFAULT now(),
    title                 text,
    parent_session_id     text,
    api_calls             bigint NOT NULL DEFAULT 0,
    -- Those of models whose price is not known: the cost is of the others.
    unpriced_calls        bigint NOT NULL DEFAULT 0,
    -- Whether a live event ever named the session. A session that only files tell of does not take tool calls that name none.
    seen_live             boolean NOT NULL DEFAULT false,
    -- What a hook said of how it ended: clear, logout, …. It counts while nothing came after that end. NULL: no hook said so.
    end_reason            text,
    -- Over the calls of which it is known what the cache saved, and how many these are.
    cache_priced_calls    bigint NOT NULL DEFAULT 0,
    uncached_nano_usd     bigint NOT NULL DEFAULT 0,
    cache_saved_nano_usd  bigint NOT NULL DEFAULT 0,
    -- claude, summary, command or prompt; NULL: no title. A title that a person gave is in session_marks.
    title_source          text,
    -- The project of the path that a session, or a row without a session, names, where that is part of another; NULL: project_id itself.
    path_project_id       bigint,
    -- When the client's process was seen to be gone, of a session that was closed for that.
    gone_at               timestamptz
) WITH (fillfactor = 70);
CREATE INDEX sessions_by_client_count ON sessions ((snapshot->>'client_started_ms')) WHERE snapshot ? 'client_started_ms';
CREATE INDEX sessions_by_date ON sessions (dated_at DESC, session_id DESC) WHERE counted;
CREATE INDEX sessions_by_path_project ON sessions (path_project_id) WHERE path_project_id IS NOT NULL;
CREATE INDEX sessions_by_project ON sessions (project_id, dated_at DESC, session_id DESC) WHERE counted;
CREATE INDEX sessions_by_user ON sessions (user_id, dated_at DESC, session_id DESC) WHERE counted;
-- Those that were active in an interval and had begun long before it. The condition is that of active_sessions.sql, word for word.
CREATE INDEX sessions_long ON sessions (dated_at, last_event_at) WHERE counted AND last_event_at - dated_at > interval '8 hours';
-- The sweep of idle sessions, and "the only open session", look at open sessions alone.
CREATE INDEX sessions_open ON sessions (last_event_at)
    WHERE counted AND NOT (coalesce(ended_at >= last_event_at, false) OR coalesce(idle_closed_at >= last_event_at, false));
-- Also looked at by "the only open session": those handed out a moment ago.
CREATE INDEX sessions_uncounted ON sessions (created_at) WHERE NOT counted;

-- Starts and ends.
CREATE TABLE session_events (
    id             uuid PRIMARY KEY,
    session_id     text NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('start', 'end')),
    occurred_at    timestamptz NOT NULL,
    project_id     bigint NOT NULL DEFAULT 0,
    user_id        bigint NOT NULL DEFAULT 0,
    model          text,
    git_branch     text,
    client_version text,
    source         text,
    received_at    timestamptz NOT NULL,
    persisted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- A start or end of a session that an import of an export brought. NULL: it came over the wire, as all others.
    brought_by     integer[]
);
CREATE INDEX session_events_by_session ON session_events (session_id, occurred_at, id);

-- What one version of one file says of a session as a whole. All of it together, with the session's events, makes the session.
CREATE TABLE session_facts (
    id                uuid PRIMARY KEY,
    session_id        text NOT NULL,
    project_id        bigint NOT NULL DEFAULT 0,
    user_id           bigint NOT NULL DEFAULT 0,
    -- The first and last record seen, and the union of [t, t + idle gap) over all of them.
    first_record_at   timestamptz,
    last_record_at    timestamptz,
    active_ranges     tstzmultirange NOT NULL DEFAULT '{}',
    -- Said to be the session's end, as claude.json does.
    ended_at          timestamptz,
    title             text,
    title_rank        smallint NOT NULL DEFAULT 0,
    parent_session_id text,
    model             text,
    git_branch        text,
    client_version    text,
    source            text NOT NULL,
    -- Of the session as a whole, so never added up: of each the greatest counts.
    numbers           jsonb,
    brought_by        integer[],
    received_at       timestamptz NOT NULL,
    persisted_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What hooks say of how sessions end: clear, logout, …. It counts while nothing came after that end. NULL: no hook said so.
    end_reason        text,
    -- ClientCosts of services/worker/persist/records.py: the file's last cost-state. The greatest total of a session's facts is its `client_cost_nano_usd`
    -- among `numbers`, and so in the session's `snapshot`.
    client_costs      jsonb
);
CREATE INDEX session_facts_by_session ON session_facts (session_id);

CREATE TABLE session_marks (
    session_id text PRIMARY KEY,
    is_starred boolean NOT NULL DEFAULT false,
    tags       text[] NOT NULL DEFAULT '{}',
    -- Of each tag in its place what it is compared by: shared/sessions/session_tags.py.
    tag_keys   text[] NOT NULL DEFAULT '{}',
    note       text,
    -- Shown instead of the session's own.
    title      text,
    changed_at timestamptz NOT NULL DEFAULT now(),
    -- NULL: as the project says, and without its word as TRACKER_SESSIONS does. It is with the marks, which imports, undo and reparse leave.
    visibility text CHECK (visibility IN ('private', 'shared')),
    -- Once the session is gone, as after the undo of an import: whose it was.
    user_id    bigint,
    project_id bigint,
    -- The imports of exports that brought the row; NULL: it is of this tracker, or was changed here since.
    brought_by integer[]
);
CREATE INDEX session_marks_by_tag ON session_marks USING gin (tag_keys);
CREATE INDEX session_marks_by_visibility ON session_marks (visibility, session_id) WHERE visibility IS NOT NULL;
CREATE INDEX session_marks_starred ON session_marks (session_id) WHERE is_starred;

CREATE TABLE saved_views (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    -- Path and query of a page, as /usage?range=7d.
    address    text NOT NULL,
    -- The key that saved it; NULL: nobody was asked for one.
    key_id     text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The imports of exports that brought the row; NULL: it is of this tracker, or was changed here since.
    brought_by integer[]
);
CREATE UNIQUE INDEX saved_views_by_name ON saved_views (lower(name));
