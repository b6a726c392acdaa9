"""Step 6 of an event's path: the INSERTs of the event tables. Each gives what is new, and of a row whose reading got better, what it was before.

Text of CTEs for persist.PERSIST. `new_…` are rows as they now are, `gone_…` the same rows as they were; a row that did not change what it counts for is in
neither. What changes is never a row's session, project, user, name or time: those are the same in every reading, or moved by rework.py.
"""

from services.worker.persist.history_prompts import IS_SUPERSEDED
from services.worker.persist.merge_rules import BROUGHT_BY, best_first, on_conflict

_KEYS = ("session_id", "project_id", "user_id", "occurred_at")


def _returning(fixed: tuple[str, ...], changing: tuple[str, ...]) -> str:
    """Columns that stay, and those that may change before and after."""
    columns = [f"new.{name}" for name in fixed] + [f"old.{name} AS old_{name}, new.{name}" for name in changing]
    moved = " OR ".join(f"old.{name} IS DISTINCT FROM new.{name}" for name in changing) or "false"
    return f"RETURNING {', '.join(columns)}, old.id IS NOT NULL AS existed, ({moved}) AS moved"


def _after_and_before(kind: str, fixed: tuple[str, ...], changing: tuple[str, ...]) -> str:
    names = ", ".join((*fixed, *changing))
    before = ", ".join((*fixed, *(f"old_{name} AS {name}" for name in changing)))
    return f"""
    new_{kind} AS (SELECT {names} FROM changed_{kind} WHERE NOT existed OR moved),
    gone_{kind} AS (SELECT {before} FROM changed_{kind} WHERE existed AND moved)"""


MESSAGES = f"""
    changed_messages AS (
        INSERT INTO messages AS t (id, session_id, project_id, user_id, role, content, occurred_at, model, agent_id, source, brought_by, received_at, terms)
        SELECT DISTINCT ON (m.id) m.id, m.session_id, coalesce(s.project_id, p.id, 0), coalesce(s.user_id, u.id, 0), role, content, occurred_at, m.model,
               agent_id, m.source, {BROUGHT_BY}, received_at, terms
        FROM staged_messages AS m
        LEFT JOIN sessions AS s ON s.session_id = m.session_id
        LEFT JOIN projects AS p ON p.path_key = md5(m.project_path)::uuid
        LEFT JOIN users AS u ON u.name = m.user_name
        WHERE NOT {IS_SUPERSEDED}
        ORDER BY {best_first("messages", "m")}
        {on_conflict("messages", ("content", "terms", "model", "agent_id"))}
        {_returning((*_KEYS, "role"), ())}
    ), {_after_and_before("messages", (*_KEYS, "role"), ())}"""

TOOL_CALLS = f"""
    changed_tool_calls AS (
        INSERT INTO tool_calls AS t (id, session_id, project_id, user_id, tool_name, status, duration_ms, duration_source, occurred_at, parameters,
                                     agent_id, source, brought_by, received_at)
        SELECT DISTINCT ON (c.id) c.id, c.session_id, coalesce(s.project_id, 0), coalesce(s.user_id, u.id, 0), tool_name, status, duration_ms,
               duration_source, occurred_at, parameters, agent_id, c.source, {BROUGHT_BY}, received_at
        FROM staged_tool_calls AS c
        LEFT JOIN sessions AS s ON s.session_id = c.session_id
        LEFT JOIN users AS u ON u.name = c.user_name
        ORDER BY {best_first("tool_calls", "c")}
        {on_conflict("tool_calls", ("status", "duration_ms", "duration_source", "parameters", "agent_id"))}
        {_returning((*_KEYS, "tool_name"), ("status", "duration_ms"))}
    ), {_after_and_before("tool_calls", (*_KEYS, "tool_name"), ("status", "duration_ms"))}"""

ACTIVITIES = f"""
    changed_activities AS (
        INSERT INTO activities AS t (id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, is_estimated, occurred_at,
                                     agent_id, source, brought_by, received_at)
        SELECT DISTINCT ON (a.id) a.id, a.session_id, coalesce(s.project_id, 0), coalesce(s.user_id, 0), file_key, action, a.lines_added,
               a.lines_removed, is_estimated, occurred_at, agent_id, a.source, {BROUGHT_BY}, received_at
        FROM staged_activities AS a
        LEFT JOIN sessions AS s ON s.session_id = a.session_id
        ORDER BY {best_first("activities", "a")}
        {on_conflict("activities", ("action", "lines_added", "lines_removed", "is_estimated", "agent_id"))}
        {_returning((*_KEYS, "file_key"), ("lines_added", "lines_removed"))}
    ), {_after_and_before("activities", (*_KEYS, "file_key"), ("lines_added", "lines_removed"))},
    new_session_files AS (
        INSERT INTO session_files (session_id, file_key)
        SELECT DISTINCT session_id, file_key FROM new_activities WHERE session_id IS NOT NULL ORDER BY 1, 2
        ON CONFLICT DO NOTHING RETURNING session_id
    )"""

_TOKENS = ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "cache_read_tokens")
_PRICED = (*_TOKENS, "cost_nano_usd")

API_CALLS = f"""
    changed_api_calls AS (
        INSERT INTO api_calls AS t (id, session_id, project_id, user_id, model, occurred_at, {", ".join(_PRICED)}, web_searches, price_version,
                                    agent_id, source, brought_by, received_at)
        SELECT DISTINCT ON (a.id) a.id, a.session_id, coalesce(s.project_id, 0), coalesce(s.user_id, 0), a.model, occurred_at,
               {", ".join(f"a.{name}" for name in _PRICED)}, web_searches, price_version, agent_id, a.source, {BROUGHT_BY}, received_at
        FROM staged_api_calls AS a
        LEFT JOIN sessions AS s ON s.session_id = a.session_id
        ORDER BY {best_first("api_calls", "a")}
        {on_conflict("api_calls", (*_PRICED, "web_searches", "price_version", "agent_id"))}
        {_returning((*_KEYS, "model"), _PRICED)}
    ), {_after_and_before("api_calls", (*_KEYS, "model"), _PRICED)}"""

ALL = f"""
    new_session_events AS (SELECT session_id, kind, occurred_at FROM session_events WHERE id = ANY(%(new_session_event_ids)s)),
    new_facts AS (SELECT * FROM session_facts WHERE id = ANY(%(new_fact_ids)s)),
    {MESSAGES}, {TOOL_CALLS}, {ACTIVITIES}, {API_CALLS}"""

COUNTS = ", ".join(
    f"(SELECT count(*) FROM changed_{kind} WHERE NOT existed) AS {kind}" for kind in ("messages", "tool_calls", "activities", "api_calls")
)
# A slowest call that turned out faster: its cell's maximum has to be looked up again.
SLOWER_BEFORE = "(SELECT count(*) FROM changed_tool_calls WHERE existed AND old_duration_ms > coalesce(duration_ms, -1)) AS slower_before"
