-- What is told of sessions besides their transcripts: telemetry, signs of what they do now, Claude Code's own readings.

-- What Claude Code tells by OpenTelemetry (docs/adr/0091-telemetry-is-stored-as-signals.md).
CREATE TABLE signals (
    -- Of a log record: of its session, time and sequence. Of a metric's point: of its name, attributes, start and time. Sent again, it is the same.
    id            uuid PRIMARY KEY,
    -- Perhaps no session has rows yet: a signal makes none.
    session_id    text NOT NULL,
    kind          text NOT NULL,
    name          text NOT NULL,
    occurred_at   timestamptz NOT NULL,
    -- The id of the call in tool_calls, whether it is there or not.
    tool_call_id  uuid,
    -- Of a metric. What it counted since started_at; of one that is not cumulative, until occurred_at.
    value         double precision,
    started_at    timestamptz,
    is_cumulative boolean,
    -- Only those that ingest lists (services/ingest/telemetry/kept_attributes.py).
    attributes    jsonb NOT NULL DEFAULT '{}',
    user_name     text,
    bound_user    text,
    received_at   timestamptz NOT NULL,
    request_id    text,
    -- Whether the stored call, if there is one, has not been told of it yet.
    is_new        boolean NOT NULL
);
CREATE INDEX new_signals ON signals (received_at) WHERE is_new;
CREATE INDEX signals_of_calls ON signals (tool_call_id) WHERE tool_call_id IS NOT NULL;
CREATE INDEX signals_of_sessions ON signals (session_id, occurred_at, id);
-- The spans of waits for a permission, which do not always name their call.
CREATE INDEX signals_of_waits ON signals (session_id) WHERE name = 'tool.blocked_on_user';

-- The latest signs of what each session does now; shared/sessions/session_state.py makes its state of them. A view of the present: no count depends on
-- it, and imports, undo and reparse leave it. The worker deletes what is old.
CREATE TABLE session_signs (
    session_id        text PRIMARY KEY,
    -- A prompt, a call or its end: the session worked.
    worked_at         timestamptz NOT NULL DEFAULT '-infinity',
    -- A hook or a line of a transcript said that it waits. A session of which nothing else is known waits for its first prompt.
    waits_since       timestamptz NOT NULL DEFAULT '-infinity',
    waits_for         text NOT NULL DEFAULT 'input' CHECK (waits_for IN ('permission', 'input', 'error', 'interrupted')),
    -- Claude Code reminded of its person.
    idle_at           timestamptz NOT NULL DEFAULT '-infinity',
    -- Claude's last words.
    replied_at        timestamptz NOT NULL DEFAULT '-infinity',
    -- The last prompt, or the client's start: what ran before it does not run any more.
    prompted_at       timestamptz NOT NULL DEFAULT '-infinity',
    -- Hooks tell of it, so they tell when a turn is over.
    is_hooked         boolean NOT NULL DEFAULT false,
    -- By the server's clock.
    heard_at          timestamptz NOT NULL,
    -- Who saw each sign: a hook, a transcript, an event. NULL: nobody yet.
    worked_by         text,
    waits_by          text,
    replied_by        text,
    -- What subagents do is not the session's own work: it ends the wait for a permission that one of them asked for, and no other.
    agents_worked_at  timestamptz NOT NULL DEFAULT '-infinity',
    -- When the client began, as its hook says: subagents from before are gone.
    client_started_at timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);

-- The same of each subagent; shared/sessions/agent_state.py makes its state of them (docs/adr/0098).
CREATE TABLE agent_signs (
    session_id    text NOT NULL,
    agent_id      text NOT NULL,
    -- Its first answer, or its hook. 'infinity': only the end of a task of this id was seen, which may be a command.
    began_at      timestamptz NOT NULL DEFAULT 'infinity',
    -- When its last call began.
    called_at     timestamptz NOT NULL DEFAULT '-infinity',
    -- Its start, a call or its end.
    worked_at     timestamptz NOT NULL DEFAULT '-infinity',
    worked_by     text,
    -- Its last words, an error, or what its session was told of its end.
    over_at       timestamptz NOT NULL DEFAULT '-infinity',
    over_as       text NOT NULL DEFAULT 'done' CHECK (over_as IN ('done', 'error', 'interrupted')),
    over_by       text,
    -- The call that started it has answered already, so it does not depend on the turn of its session.
    is_background boolean NOT NULL DEFAULT false,
    -- By the server's clock.
    heard_at      timestamptz NOT NULL,
    PRIMARY KEY (session_id, agent_id)
) WITH (fillfactor = 70);

-- The newest of what each client's process says of its session.
CREATE TABLE session_processes (
    session_id text NOT NULL,
    machine_id text NOT NULL,
    pid        integer NOT NULL,
    read_at    timestamptz NOT NULL,
    is_alive   boolean NOT NULL,
    -- Of the state (shared/sessions/session_state.py); NULL: the file says nothing that is known.
    does       text,
    does_since timestamptz,
    -- By the server's clock.
    heard_at   timestamptz NOT NULL,
    PRIMARY KEY (session_id, machine_id, pid)
);
CREATE INDEX session_processes_by_pid ON session_processes (machine_id, pid, read_at);

-- A row for each percentage that was seen of a window: when first, when last. So a window has at most a thousand rows for each source, and any order of
-- arrival ends in the same rows. A window is never computed: what its source says of its reset, to the minute, is its key.
CREATE TABLE quota_readings (
    -- 0: nobody was named.
    user_id         bigint NOT NULL DEFAULT 0,
    machine_id      text NOT NULL,
    -- A hash, which tells accounts apart. '': a status line, which does not know it.
    account         text NOT NULL DEFAULT '',
    source          text NOT NULL CHECK (source IN ('status_line', 'usage_cache', 'rate_limit_event')),
    kind            text NOT NULL,
    resets_at       timestamptz NOT NULL,
    used_percentage numeric NOT NULL,
    first_read_at   timestamptz NOT NULL,
    last_read_at    timestamptz NOT NULL,
    -- The key that sent it; '': none was needed.
    key_id          text NOT NULL DEFAULT '',
    PRIMARY KEY (user_id, machine_id, key_id, account, source, kind, resets_at, used_percentage)
);
CREATE INDEX quota_readings_by_reset ON quota_readings (resets_at);

-- The newest status line of each session.
CREATE TABLE status_lines (
    session_id              text PRIMARY KEY,
    read_at                 timestamptz NOT NULL,
    model                   text,
    client_version          text,
    total_cost_usd          numeric,
    total_duration_ms       bigint,
    total_api_duration_ms   bigint,
    lines_added             bigint,
    lines_removed           bigint,
    context_window_size     bigint,
    context_used_percentage numeric,
    context_tokens          bigint,
    -- What Claude Code counts of the prompt cache, as its newest status line of a session has it: PromptCache of shared/events/readings.py. NULL: it said nothing.
    prompt_cache            jsonb
);
