"""Open sessions with what happens in them now: the rows behind a live board."""

from services.query.database import Connection, Row, rows
from shared import session_state
from shared.open_sessions import is_open

MOST = 200

# What is silent for an hour is history, though it may not be closed yet.
_SESSIONS = f"""
    SELECT s.session_id, coalesce(mark.title, s.title) AS title,
        CASE WHEN mark.title IS NULL THEN s.title_source ELSE 'person' END AS title_source, nullif(s.project_id, 0) AS project_id, p.name AS project_name, u.name AS user,
        (SELECT max(k.machine_id) FROM session_machines k WHERE k.session_id = s.session_id) AS machine_id,
        {session_state.STATE} AS state, {session_state.TOOL} AS tool_name, {session_state.SINCE} AS since,
        nullif(least(s.started_at, s.first_event_at), '-infinity') AS start_time, s.last_event_at,
        prompt.content AS last_prompt, s.model, s.tool_calls AS tool_calls_count,
        least(s.input_tokens + s.output_tokens + s.cache_creation_tokens + s.cache_read_tokens, 9007199254740991)::bigint AS tokens,
        s.cost_nano_usd / 1e9::float8 AS cost_usd
    FROM sessions s
    LEFT JOIN session_marks mark ON mark.session_id = s.session_id
    LEFT JOIN projects p ON p.id = s.project_id
    LEFT JOIN users u ON u.id = s.user_id
    LEFT JOIN LATERAL (
        SELECT left(a.content, 500) AS content FROM (
            (SELECT id, occurred_at, content FROM messages WHERE session_id = s.session_id AND role = 'user' AND agent_id IS NULL
             ORDER BY occurred_at DESC, id DESC LIMIT 1)
            UNION ALL
            (SELECT id, occurred_at, content FROM asked_commands WHERE session_id = s.session_id ORDER BY occurred_at DESC, id DESC LIMIT 1)
        ) AS a ORDER BY a.occurred_at DESC, a.id DESC LIMIT 1
    ) AS prompt ON true
    {session_state.JOIN}
    WHERE {is_open("s")}
        AND s.last_event_at > clock_timestamp() - interval '1 hour'
        AND (%(project_id)s::bigint IS NULL OR s.project_id = %(project_id)s)
        AND (%(user)s::text IS NULL OR s.user_id = (SELECT id FROM users WHERE name = %(user)s))
        AND (%(machine)s::text IS NULL OR s.session_id = ANY (ARRAY(SELECT sessions_of_machine(%(machine)s))))
    ORDER BY s.last_event_at DESC, s.session_id
    LIMIT %(most)s
"""
_MACHINES = "SELECT machine_id FROM machines WHERE machine_id = %(machine)s OR name = %(machine)s"


def live_sessions(connection: Connection, project_id: int | None, user: str | None, machine: str | None) -> list[Row]:
    """Open sessions, the one with the newest event first; at most MOST."""
    return rows(connection, _SESSIONS, {"project_id": project_id, "user": user, "machine": machine, "most": MOST})


def machine_ids(connection: Connection, machine: str) -> list[str]:
    """The machines of this id or name."""
    return [row["machine_id"] for row in rows(connection, _MACHINES, {"machine": machine})]
