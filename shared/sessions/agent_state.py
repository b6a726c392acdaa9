"""The state of an open session's subagents: one rule, which the list of open sessions, the live feed and the session tell alike.

Transcripts and hooks leave signs of it in the table agent_signs (services/worker/persist/live/agent_signs.py), a row for each subagent. No file of the client
tells of them. The rule goes on from the state of the session (session_state.py), of whose JOIN it uses the columns.

- `done`, `error`, `interrupted`: it has said its last words, the API failed, or it was stopped, and nothing was seen of it since
- `ended`: the client was started again since, and no subagent outlives its client
- `permission`: the session waits for a permission, and the call in question is the subagent's
- One whose call waits for it (it is not in the background) does no more than its session: if that does not work, neither does the subagent
- `working`, or `quiet` if nothing was heard of it for QUIET_SECONDS
"""

from typing import Final, Literal

from shared.sessions.session_state import QUIET_SECONDS, SINCE, SOURCE, OpenState

AgentState = Literal[OpenState, "done", "ended"]

# So many are told of each session: those that go on first, then those that ended since the last prompt.
MOST_AGENTS: Final = 10
# Looked at for the call that a subagent runs, and for the call that started it.
_CALLS: Final = 32
_DESCRIPTION_CHARACTERS: Final = 200

_IS_OVER: Final = "a.over_at > a.worked_at"
_IS_OF_FORMER_CLIENT: Final = "a.worked_at < sign.client_started_at"
_ASKS: Final = "told.state = 'permission' AND call.agent_id = a.agent_id"
# The turn that waited for it is over.
_IS_LEFT: Final = "NOT a.is_background AND a.worked_at < sign.prompted_at"
_IS_OF_SESSION: Final = "NOT a.is_background AND told.state NOT IN ('working', 'permission')"
_IS_HEARD: Final = f"a.heard_at > clock_timestamp() - interval '{QUIET_SECONDS} seconds'"

# A JSON list. `agent_type`, `description` and `tool_name` may be null.
AGENTS: Final = "coalesce(agents.told, '[]')"
# Behind session_state.JOIN. A subagent's calls run one by one, as session_state.py says; those of one message are written within a second.
AGENTS_JOIN: Final = f"""
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('agent_id', shown.agent_id, 'agent_type', starting.agent_type, 'description', starting.description,
            'state', shown.state, 'state_source', shown.source, 'since',
            CASE WHEN shown.state = 'permission' THEN shown.since ELSE coalesce(running.occurred_at, shown.since) END, 'tool_name', running.tool_name,
            'is_background', shown.is_background) ORDER BY shown.is_over, shown.began_at, shown.agent_id) AS told
        FROM (
            SELECT a.agent_id, a.began_at, a.called_at, a.is_background, does.*, does.state IN ('done', 'ended', 'error', 'interrupted') AS is_over
            FROM agent_signs AS a CROSS JOIN LATERAL (
                SELECT CASE WHEN {_IS_OVER} THEN a.over_as WHEN {_IS_OF_FORMER_CLIENT} THEN 'ended' WHEN {_ASKS} THEN 'permission'
                        WHEN {_IS_LEFT} THEN 'interrupted' WHEN {_IS_OF_SESSION} THEN told.state WHEN {_IS_HEARD} THEN 'working' ELSE 'quiet' END AS state,
                    CASE WHEN {_IS_OVER} THEN a.over_by WHEN {_IS_OF_FORMER_CLIENT} THEN 'hook' WHEN {_IS_LEFT} AND NOT ({_ASKS}) THEN a.worked_by
                        WHEN ({_ASKS}) OR {_IS_OF_SESSION} THEN {SOURCE.strip()}
                        WHEN {_IS_HEARD} THEN a.worked_by ELSE 'time' END AS source,
                    CASE WHEN {_IS_OVER} THEN a.over_at WHEN {_IS_OF_FORMER_CLIENT} THEN sign.client_started_at
                        WHEN ({_ASKS}) OR {_IS_OF_SESSION} AND NOT ({_IS_LEFT}) THEN {SINCE.strip()}
                        ELSE a.worked_at END AS since
            ) AS does
            WHERE a.session_id = s.session_id AND a.began_at < 'infinity'
                AND (does.state NOT IN ('done', 'ended', 'error', 'interrupted') OR greatest(a.over_at, a.worked_at) >= sign.prompted_at)
            ORDER BY is_over, a.began_at DESC, a.agent_id LIMIT {MOST_AGENTS}
        ) AS shown
        LEFT JOIN LATERAL (
            SELECT newest.tool_name, newest.occurred_at FROM (
                SELECT t.id, t.agent_id, t.tool_name, t.occurred_at, t.status FROM tool_calls AS t
                WHERE t.session_id = s.session_id AND t.occurred_at >= shown.called_at - interval '1 second' AND shown.state IN ('working', 'permission', 'quiet')
                ORDER BY t.occurred_at, t.id LIMIT {_CALLS}
            ) AS newest
            WHERE newest.agent_id = shown.agent_id AND newest.status = 'pending' ORDER BY newest.occurred_at, newest.id LIMIT 1
        ) AS running ON true
        LEFT JOIN LATERAL (
            -- A call names the subagent once it has answered. While it waits, it is one of those that name none: then what they have in common is told.
            SELECT coalesce(max(agent_type) FILTER (WHERE is_own), CASE WHEN min(agent_type) = max(agent_type) THEN max(agent_type) END) AS agent_type,
                coalesce(max(description) FILTER (WHERE is_own), CASE WHEN min(description) = max(description) THEN max(description) END) AS description
            FROM (
                SELECT coalesce(newest.started_agent = shown.agent_id, false) AS is_own, newest.parameters ->> 'subagent_type' AS agent_type,
                    left(newest.parameters ->> 'description', {_DESCRIPTION_CHARACTERS}) AS description
                FROM (
                    SELECT t.started_agent, t.tool_name, t.status, t.parameters FROM tool_calls AS t
                    WHERE t.session_id = s.session_id AND t.occurred_at <= shown.began_at + interval '1 second'
                    ORDER BY t.occurred_at DESC, t.id DESC LIMIT {_CALLS}
                ) AS newest
                WHERE newest.started_agent = shown.agent_id OR newest.started_agent IS NULL AND newest.status = 'pending' AND newest.tool_name IN ('Agent', 'Task')
            ) AS started
        ) AS starting ON true
    ) AS agents ON true"""
