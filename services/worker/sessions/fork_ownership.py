"""Forked and resumed sessions: their files hold copies of another session's rows, under the same row ids but their own session id. Each row counts once.

The session with the least id owns a row, and the earliest of its times counts; a hook runs later than what it tells of, perhaps on another clock, so its
time counts only until a file gives one. A copy looks like its original, so any rule would do; this one does not
depend on which file was read first. `contested_rows` has every session that claims a row, so that an undo can give the row back.
"""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from services.worker.aggregates.registry import composed
from services.worker.row_tables import for_all, for_each
from services.worker.sessions import reattribution
from services.worker.sessions.reattribution import reattributed
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql

_OTHER_SESSIONS = """
    SELECT t.session_id FROM staged_$table AS s JOIN $table AS t USING (id) WHERE t.session_id IS NOT NULL AND t.session_id <> s.session_id"""

# The claims of the sessions that have the rows already, where the batch contests them.
_NOTE_OWNERS_CLAIMS = """
    INSERT INTO contested_rows (row_id, session_id, job_number)
    SELECT t.id, t.session_id, n FROM $table AS t, unnest(coalesce(t.brought_by, '{0}')) AS n
    WHERE t.id IN (SELECT s.id FROM staged_$table AS s JOIN $table AS o USING (id) WHERE s.session_id <> o.session_id)
      AND NOT EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = t.id)"""
# The claims of the batch: to rows that another session has, in the table or in the batch, or that were contested before.
_NOTE_CLAIMS = """
    INSERT INTO contested_rows (row_id, session_id, job_number)
    SELECT DISTINCT s.id, s.session_id, %(job_number)s FROM staged_$table AS s
    WHERE EXISTS (SELECT FROM contested_rows AS c WHERE c.row_id = s.id)
       OR s.id IN (SELECT id FROM staged_$table GROUP BY id HAVING min(session_id) <> max(session_id))
    ON CONFLICT DO NOTHING"""
# Within a batch all copies get the same session and time.
_AGREED: Final = """
        SELECT id, min(session_id) AS session_id,
               coalesce(min(occurred_at) FILTER (WHERE source IS DISTINCT FROM 'hook'), min(occurred_at)) AS occurred_at
        FROM staged_$table GROUP BY id HAVING count(*) > 1"""
_AGREE = f"""
    UPDATE staged_$table AS s SET session_id = o.session_id, occurred_at = o.occurred_at
    FROM ({_AGREED}
    ) AS o
    WHERE s.id = o.id AND (s.session_id, s.occurred_at) <> (o.session_id, o.occurred_at)"""

# Rows to which the batch has the better claim. What came over the wire keeps the time that the client gave it.
_HAS_BETTER_TIME = """
    s.occurred_at <> t.occurred_at AND NOT coalesce(0 = ANY(t.brought_by), true)
    AND (s.source IS NOT DISTINCT FROM 'hook', s.occurred_at) < (t.source IS NOT DISTINCT FROM 'hook', t.occurred_at)"""
_SESSIONS_TO_MOVE = """
    SELECT t.session_id, s.session_id AS owner, t.id FROM staged_$table AS s JOIN $table AS t USING (id)
    WHERE (s.session_id < t.session_id OR $has_better_time)"""
_CLAIMS: Final = (
    "SELECT DISTINCT ON (id) id, session_id, occurred_at, source FROM staged_$table ORDER BY id, source IS NOT DISTINCT FROM 'hook'"
)
_HAND_OVER = f"""
    UPDATE $table AS t SET session_id = least(t.session_id, s.session_id),
        occurred_at = CASE WHEN $has_better_time THEN s.occurred_at ELSE t.occurred_at END
    FROM ({_CLAIMS}) AS s
    WHERE t.id = s.id AND (s.session_id < t.session_id OR $has_better_time)"""
# A hook says of a call when it began to run, and another, or a file, when it was asked for, which becomes its time. The wait in between is kept
# wherever the time moves, so the order of arrival does not matter. NULL: nothing earlier is known.
_WAIT: Final = """
    wait_ms = nullif(greatest(coalesce($row.wait_ms, 0) + round(extract(epoch FROM $row.occurred_at - $other.occurred_at) * 1000), 0), 0)::bigint"""
_ANSWERED_BY_HOOK: Final = "$row.source = 'hook' AND $row.duration_source = 'reported'"
_WAITS_IN_BATCH: Final = f"""
    UPDATE staged_tool_calls AS s SET {sql(_WAIT, row="s", other="o")}
    FROM ({_AGREED}) AS o
    WHERE s.id = o.id AND s.occurred_at <> o.occurred_at AND {sql(_ANSWERED_BY_HOOK, row="s")}"""
_WAITS_OF_MOVED: Final = f"""
    UPDATE tool_calls AS t SET {sql(_WAIT, row="t", other="s")}
    FROM ({_CLAIMS}) AS s
    WHERE t.id = s.id AND $has_better_time AND {sql(_ANSWERED_BY_HOOK, row="t")}"""
_WAITS_OF_KNOWN: Final = f"""
    UPDATE staged_tool_calls AS s SET {sql(_WAIT, row="s", other="t")}
    FROM tool_calls AS t
    WHERE s.id = t.id AND s.occurred_at <> t.occurred_at AND {sql(_ANSWERED_BY_HOOK, row="s")}"""
# An undo looks for its rows in the sessions that it knows of.
_NOTE_SESSIONS = """
    INSERT INTO import_sessions (job_number, session_id)
    SELECT DISTINCT n, t.session_id FROM $table AS t, unnest(t.brought_by) AS n WHERE t.session_id = ANY(%(session_ids)s) AND n > 0 ON CONFLICT DO NOTHING"""


@composed
def other_sessions() -> str:
    """Selects the other sessions that have staged rows already."""
    return for_all(_OTHER_SESSIONS, joined_by="UNION")


@composed
def sessions_to_move() -> str:
    """Selects the sessions that lose and win rows, and the rows."""
    return for_all(_SESSIONS_TO_MOVE.replace("$has_better_time", _HAS_BETTER_TIME), joined_by="UNION")


def owners_of_staged_rows(connection: Connection[Any]) -> set[str]:
    """The other sessions that have rows of the staged batch already."""
    return {row[0] for row in connection.execute(other_sessions())}


def assign_owners(connection: Connection[Any], parameters: dict[str, Any], *, has_hooks: bool) -> tuple[set[int], int]:
    """Hands rows over to the sessions of the batch that have the better claim; returns the projects this touched, and how many sessions are new by it.

    `parameters` as in reattribution.reattributed(), with the present owners in session_ids, and job_number. `has_hooks`: rows of the batch are hooks'.
    """
    for template in (_NOTE_OWNERS_CLAIMS, _NOTE_CLAIMS):
        for statement in for_each(template):
            connection.execute(statement, parameters)
    if has_hooks:
        connection.execute(sql(_WAITS_IN_BATCH, table="tool_calls").encode())
    for statement in for_each(_AGREE):
        connection.execute(statement, parameters)
    moves = connection.execute(sessions_to_move()).fetchall()
    touched = _hand_over(connection, parameters, moves) if moves else (set[int](), 0)
    if has_hooks:
        connection.execute(sql(_WAITS_OF_KNOWN).encode())
    return touched


def _hand_over(connection: Connection[Any], parameters: dict[str, Any], moves: Sequence[Any]) -> tuple[set[int], int]:
    parameters = parameters | {"session_ids": sorted({session_id for move in moves for session_id in move[:2]})}
    [(whole_ids,)] = connection.execute(reattribution.sessions_to_move(), parameters).fetchall()
    parameters |= {"row_ids": list({row_id for *_, row_id in moves}), "whole_ids": whole_ids or []}
    with reattributed(connection, parameters) as projects:
        connection.execute(sql(_WAITS_OF_MOVED.replace("$has_better_time", _HAS_BETTER_TIME), table="tool_calls").encode(), parameters)
        for template in (_HAND_OVER.replace("$has_better_time", _HAS_BETTER_TIME), _NOTE_SESSIONS):
            for statement in for_each(template):
                connection.execute(statement, parameters)
        new_sessions = rebuild_sessions(connection, parameters)
    return projects, new_sessions
