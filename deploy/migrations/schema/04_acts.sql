-- What happened in sessions: messages, tool calls, calls of the API, changes of files, and the rest of a timeline.

-- What people and Claude said.
CREATE TABLE messages (
    id              uuid PRIMARY KEY,
    session_id      text,
    project_id      bigint NOT NULL,
    user_id         bigint NOT NULL,
    role            text NOT NULL CHECK (role IN ('user', 'assistant')),
    content         text NOT NULL,
    occurred_at     timestamptz NOT NULL,
    model           text,
    source          text,
    received_at     timestamptz NOT NULL,
    persisted_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent_id        text,
    brought_by      integer[],
    path_project_id bigint
);
CREATE INDEX messages_by_path_project ON messages (path_project_id) WHERE path_project_id IS NOT NULL;
CREATE INDEX messages_by_project ON messages (project_id, occurred_at DESC, id DESC);
CREATE INDEX messages_by_time ON messages (occurred_at DESC, id DESC);
CREATE INDEX messages_of_history ON messages (session_id) WHERE source = 'history.jsonl';
-- Events of clients may name the same source; no job brought them.
CREATE INDEX messages_of_hooks ON messages (session_id) WHERE source = 'hook' AND brought_by IS NOT NULL;
-- The timeline goes over a whole session, so these indexes have all that it reads besides texts: …_of_session.
CREATE INDEX messages_of_session ON messages (session_id, occurred_at DESC, id DESC) INCLUDE (agent_id, role, model);
-- The prompt that led to a change of a file is one look-up.
CREATE INDEX messages_prompts ON messages (session_id, occurred_at DESC, id DESC) WHERE role = 'user' AND agent_id IS NULL;

-- What Claude called, and what came of it.
CREATE TABLE tool_calls (
    id               uuid PRIMARY KEY,
    session_id       text,
    project_id       bigint NOT NULL,
    user_id          bigint NOT NULL,
    tool_name        text NOT NULL,
    status           text NOT NULL CHECK (status IN ('success', 'error', 'rejected', 'cancelled', 'timeout', 'pending')),
    duration_ms      bigint CHECK (duration_ms >= 0),
    occurred_at      timestamptz NOT NULL,
    -- json, not jsonb: it is shown, never searched, and comes back as it was sent.
    parameters       json,
    source           text,
    received_at      timestamptz NOT NULL,
    persisted_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent_id         text,
    brought_by       integer[],
    duration_source  text,
    -- What the call gave back, redacted: its beginning and its end. NULL: not known, or not kept.
    result           text,
    -- How many characters were left out, and after how many characters of `result`. NULL: none.
    result_left_out  bigint,
    result_cut_at    integer,
    -- What is not text: [{"type": "image/png", "bytes": 1234}].
    result_media     json,
    -- Why a call that did not succeed failed (services/worker/persist/derived_values/error_classes.toml). NULL: it succeeded, or nothing says why.
    error_class      text,
    -- How long the call waited before it ran, for a permission, where that is known. duration_ms is then the time that it ran.
    wait_ms          bigint CHECK (wait_ms >= 0),
    -- The subagent that the call started: messages.agent_id, and so on, of what it did.
    started_agent    text,
    decision         text,                      -- accept, reject, cancelled or other
    decision_source  text,                      -- what decided: DecisionSource of services/worker/persist/records.py
    is_sandboxed     boolean,
    decision_told_by text,                      -- transcript or telemetry; NULL: there is no decision
    decided_at       timestamptz,               -- as telemetry says; NULL: a transcript does not say it
    -- How long a person was asked; only telemetry says it.
    decision_wait_ms bigint,
    -- Commits, pull requests and runs of tests that came of it (shared/claude_formats/call_outcome.py): derived when the result arrives, kept when
    -- texts are dropped. NULL: nothing came of it.
    outcome          json
) WITH (toast_tuple_target = 256);
-- The two INCLUDE lists let the stats of a narrow range be read from the index alone.
CREATE INDEX tool_calls_by_project ON tool_calls (project_id, occurred_at) INCLUDE (user_id, tool_name, status, duration_ms);
CREATE INDEX tool_calls_by_time ON tool_calls (occurred_at) INCLUDE (project_id, user_id, tool_name, status, duration_ms);
CREATE INDEX tool_calls_failed ON tool_calls (occurred_at DESC, id DESC)
    INCLUDE (project_id, user_id, tool_name, error_class) WHERE status IN ('error', 'timeout', 'rejected', 'cancelled');
CREATE INDEX tool_calls_of_session ON tool_calls (session_id, occurred_at, id) INCLUDE (agent_id, started_agent);

-- What models were asked, and what it cost.
CREATE TABLE api_calls (
    id                    uuid PRIMARY KEY,
    session_id            text,
    project_id            bigint NOT NULL,
    user_id               bigint NOT NULL,
    agent_id              text,
    model                 text,
    occurred_at           timestamptz NOT NULL,
    input_tokens          bigint NOT NULL DEFAULT 0,
    output_tokens         bigint NOT NULL DEFAULT 0,
    cache_write_5m_tokens bigint NOT NULL DEFAULT 0,
    cache_write_1h_tokens bigint NOT NULL DEFAULT 0,
    cache_read_tokens     bigint NOT NULL DEFAULT 0,
    web_searches          bigint NOT NULL DEFAULT 0,
    -- NULL: the price of the model is not known, which is not 0.
    cost_nano_usd         bigint,
    price_version         text,
    source                text,
    brought_by            integer[],
    received_at           timestamptz NOT NULL,
    persisted_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- What the input would have cost without a prompt cache. NULL: not known, as cost_nano_usd.
    uncached_nano_usd     bigint,
    -- That, minus what the input did cost. Negative where the cache was written and never read.
    cache_saved_nano_usd  bigint,
    is_fast               boolean NOT NULL DEFAULT false,  -- in fast mode, which has a price of its own
    inference_geo         text,                 -- where it was computed, if it may not be anywhere
    is_advisor            boolean NOT NULL DEFAULT false,  -- Claude asked it within another call
    -- What writing to the cache cost. NULL: not known.
    cache_write_nano_usd  bigint,
    effort                text,                 -- low, medium, high, xhigh, max or other
    thinking_ms           bigint
);
-- Which there are.
CREATE INDEX api_calls_by_price_version ON api_calls (price_version) WHERE price_version IS NOT NULL;
CREATE INDEX api_calls_by_project ON api_calls (project_id, occurred_at);
CREATE INDEX api_calls_by_time ON api_calls (occurred_at);
CREATE INDEX api_calls_of_session ON api_calls (session_id, occurred_at, id)
    INCLUDE (agent_id, cost_nano_usd, input_tokens, output_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_read_tokens);

-- What each API call cost, by what was paid for (docs/adr/0084-a-cost-has-parts.md). A cost is stored as a whole, with what its input would have cost
-- without a prompt cache, what the cache saved, and what writing to it cost. These give the parts: the price of plain input is what was saved from;
-- output is what is no input; and reading is the rest. The parts are NULL where the cost is. An advisor does not belong to the thread whose call asked it.
CREATE VIEW api_call_costs WITH (security_invoker = true) AS
SELECT c.id, c.session_id, c.agent_id, c.model, c.occurred_at, used.context_tokens, used.cache_write_tokens, c.cache_read_tokens, c.input_tokens,
    c.cache_write_1h_tokens > 0 AS is_kept_for_an_hour, c.cost_nano_usd,
    part.input_nano_usd, part.cache_write_nano_usd,
    CASE WHEN c.cache_read_tokens = 0 THEN 0 ELSE c.uncached_nano_usd - c.cache_saved_nano_usd - part.input_nano_usd - part.cache_write_nano_usd END AS cache_read_nano_usd,
    c.cost_nano_usd - (c.uncached_nano_usd - c.cache_saved_nano_usd) AS output_nano_usd,
    c.is_advisor
FROM api_calls AS c
CROSS JOIN LATERAL (
    SELECT c.cache_write_5m_tokens + c.cache_write_1h_tokens AS cache_write_tokens,
        c.input_tokens + c.cache_write_5m_tokens + c.cache_write_1h_tokens + c.cache_read_tokens AS context_tokens
) AS used
CROSS JOIN LATERAL (
    SELECT coalesce(c.uncached_nano_usd::float8 / nullif(used.context_tokens, 0), CASE WHEN c.uncached_nano_usd = 0 THEN 0 END) AS nano_usd
) AS plain
CROSS JOIN LATERAL (
    SELECT c.input_tokens * plain.nano_usd AS input_nano_usd, c.cache_write_nano_usd::float8 AS cache_write_nano_usd
) AS part;

-- Paths of files, each once.
CREATE TABLE files (
    file_key  uuid PRIMARY KEY,
    file_path text NOT NULL,
    -- Its bit in file_sets. Given once; numbers that an aborted insert used up leave a hole, which is harmless.
    number    bigint NOT NULL GENERATED ALWAYS AS IDENTITY
);
-- A prefix search; the left() keeps an entry below a btree's limit.
CREATE INDEX files_by_path_prefix ON files (left(file_path, 400) text_pattern_ops);

-- Changes of files.
CREATE TABLE activities (
    id             uuid PRIMARY KEY,
    session_id     text,
    project_id     bigint NOT NULL,
    user_id        bigint NOT NULL,
    file_key       uuid NOT NULL,
    action         text NOT NULL CHECK (action IN ('created', 'modified', 'deleted')),
    lines_added    bigint NOT NULL CHECK (lines_added >= 0),
    lines_removed  bigint NOT NULL CHECK (lines_removed >= 0),
    occurred_at    timestamptz NOT NULL,
    source         text,
    received_at    timestamptz NOT NULL,
    persisted_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent_id       text,
    brought_by     integer[],
    is_estimated   boolean NOT NULL DEFAULT false,
    -- The call that made the change.
    tool_call_id   uuid,
    -- A unified diff without its head, from its beginning. NULL: not known.
    patch          text,
    -- How many lines of the diff were left out at its end. NULL: none.
    patch_left_out bigint
) WITH (toast_tuple_target = 256);
-- One kind of activity is found without walking over the others.
CREATE INDEX activities_by_action ON activities (action, occurred_at DESC, id DESC);
CREATE INDEX activities_by_call ON activities (tool_call_id) WHERE tool_call_id IS NOT NULL;
CREATE INDEX activities_by_file ON activities (file_key, occurred_at DESC, id DESC);
CREATE INDEX activities_by_project ON activities (project_id, occurred_at DESC, id DESC);
CREATE INDEX activities_by_time ON activities (occurred_at DESC, id DESC);
CREATE INDEX activities_of_session ON activities (session_id, occurred_at DESC, id DESC) INCLUDE (agent_id, tool_call_id);

-- What happened in a session besides messages, tool calls and file changes. It counts for nothing.
CREATE TABLE timeline_entries (
    id           uuid PRIMARY KEY,
    session_id   text,
    project_id   bigint NOT NULL,
    user_id      bigint NOT NULL,
    -- thinking, compaction, compaction_summary, command, command_output, interruption, api_error, notice.
    kind         text NOT NULL,
    content      text NOT NULL,
    -- More of it, by its kind: {"trigger": "auto", "tokens_before": 155000}.
    details      json,
    occurred_at  timestamptz NOT NULL,
    agent_id     text,
    source       text,
    brought_by   integer[],
    received_at  timestamptz NOT NULL,
    persisted_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (toast_tuple_target = 256);
-- As in the view asked_commands, word for word.
CREATE INDEX timeline_entries_asked ON timeline_entries (session_id, occurred_at, id)
    WHERE kind = 'command' AND agent_id IS NULL AND details ->> 'type' = 'prompt';
CREATE INDEX timeline_entries_by_session ON timeline_entries (session_id, occurred_at, id) INCLUDE (agent_id, kind);

-- Rows that files of several sessions have, forked and resumed ones: who brought them for which session. 0 is what came over the wire.
CREATE TABLE contested_rows (
    row_id     uuid NOT NULL,
    session_id text NOT NULL,
    job_number integer NOT NULL,
    -- When the file was begun that copied the row for this session; -infinity: the session wrote it itself (services/worker/sessions/fork_ownership.py).
    copied_at  timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (row_id, session_id, job_number)
);
CREATE INDEX contested_rows_by_session ON contested_rows (session_id);

-- What Claude Code counted for each session, of those for which it wrote a total: `total_nano_usd` as it wrote it, `own_nano_usd` without what another session
-- counts already. A fork, and a copy under another id, goes on with the count of the session that it came from, and has its beginning. What it has in common
-- with others belongs to the session that began first, as the common rows do. How much that is, a total of one of them says: the least that is enough for its
-- calls that count elsewhere. A thousandth of a cent is for rounding.
CREATE VIEW session_client_costs WITH (security_invoker = true) AS
    SELECT s.session_id, n.total_nano_usd, n.total_nano_usd - coalesce(t.total_nano_usd, 0) AS own_nano_usd, t.session_id AS taken_off_session_id
    FROM sessions AS s
    CROSS JOIN LATERAL (
        -- Where no transcript is known: what claude.json says.
        SELECT coalesce((s.snapshot->>'client_cost_nano_usd')::bigint, (s.snapshot->>'cost_nano_usd')::bigint) AS total_nano_usd
    ) AS n
    LEFT JOIN LATERAL (
        SELECT p.session_id, p.total_nano_usd
        FROM (
            SELECT o.session_id, (o.snapshot->>'client_cost_nano_usd')::bigint AS total_nano_usd,
                first_value(o.session_id) OVER (ORDER BY o.first_event_at, o.session_id) AS owner_session_id
            -- The second condition is that of the index sessions_by_client_count.
            FROM sessions AS o WHERE o.snapshot->>'client_started_ms' = s.snapshot->>'client_started_ms' AND o.snapshot ? 'client_started_ms'
        ) AS p
        WHERE s.session_id <> p.owner_session_id AND p.total_nano_usd <= n.total_nano_usd
        ORDER BY p.total_nano_usd + 10000 >= (
            SELECT sum(a.cost_nano_usd) FROM (SELECT DISTINCT row_id FROM contested_rows AS r WHERE r.session_id = s.session_id) AS c
            JOIN api_calls AS a ON a.id = c.row_id AND a.session_id <> s.session_id
        ) DESC NULLS LAST, p.total_nano_usd, p.session_id LIMIT 1
    ) AS t ON true
    WHERE n.total_nano_usd IS NOT NULL;
