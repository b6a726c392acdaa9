"""What hooks say beside a transcript: of a tool call they know how long it ran, of messages they know nothing that the transcript does not.

Either may come first, and both may tell of the same call in one batch. Everything here runs under the order of imports (lock_order), so no other
transaction brings files or hooks meanwhile.
"""

from typing import Any, Final

from psycopg import Connection

from services.worker.persist.records import HOOK
from services.worker.persist.staging.staging_tables import Staged
from services.worker.sessions.reattribution import reattributed
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql

# How long a call took from use to result, waiting included, as a file says: its own difference of times is kept in the two parts that hooks make of it.
_ELAPSED: Final = "CASE {0}.duration_source WHEN 'timestamps' THEN {0}.duration_ms WHEN 'reported' THEN {0}.duration_ms + {0}.wait_ms END"
_LONGER: Final = "CASE WHEN {0}.duration_source = 'reported' THEN greatest({0}.duration_ms, {1}.duration_ms) ELSE {1}.duration_ms END"

# A tool call with a result in a file keeps all that the file says, and gets the duration of the hook, which does not count the wait for permission.
_DURATIONS_OF_HOOKS: Final = f"""
    UPDATE staged_tool_calls AS s SET duration_source = 'reported',
        duration_ms = {_LONGER.format("s", "h")},
        wait_ms = CASE WHEN ({_ELAPSED.format("s")}) IS NOT NULL THEN greatest(({_ELAPSED.format("s")}) - ({_LONGER.format("s", "h")}), 0) END
    FROM $table AS h
    WHERE h.id = s.id AND s.source IS DISTINCT FROM 'hook' AND s.status <> 'pending'
      AND h.source = 'hook' AND h.duration_source = 'reported' $condition"""
_OF_STORED_HOOKS: Final = sql(_DURATIONS_OF_HOOKS, table="tool_calls", condition="AND NOT coalesce(0 = ANY(h.brought_by), true)").encode()
_OF_STAGED_HOOKS: Final = sql(_DURATIONS_OF_HOOKS, table="staged_tool_calls", condition="").encode()
_HOOKS_OF_KNOWN_CALLS: Final = f"""
    UPDATE staged_tool_calls AS s SET status = t.status, parameters = t.parameters, agent_id = t.agent_id, source = t.source,
        result = t.result, result_left_out = t.result_left_out, result_cut_at = t.result_cut_at, result_media = t.result_media,
        error_class = t.error_class, started_agent = t.started_agent,
        duration_ms = {_LONGER.format("t", "s")},
        wait_ms = CASE WHEN ({_ELAPSED.format("t")}) IS NOT NULL THEN greatest(({_ELAPSED.format("t")}) - ({_LONGER.format("t", "s")}), 0) END
    FROM tool_calls AS t
    WHERE t.id = s.id AND s.source = 'hook' AND s.duration_source = 'reported'
      AND t.source IS DISTINCT FROM 'hook' AND t.status <> 'pending' AND NOT coalesce(0 = ANY(t.brought_by), true)"""

# A file has the message: its session is read beyond it, or it has one with these words. A hook runs a moment after what it tells of was written, and
# perhaps on another clock. Words are compared from an hour before on: people and Claude say the same again.
_IS_SUPERSEDED: Final = """
    (EXISTS (SELECT FROM session_facts AS f
             WHERE f.session_id = h.session_id AND f.source = 'transcript' AND f.last_record_at >= h.occurred_at - interval '5 seconds')
     OR EXISTS (SELECT FROM messages AS m
                WHERE m.session_id = h.session_id AND m.source IN ('transcript', 'history.jsonl') AND m.role = h.role
                  AND m.agent_id IS NOT DISTINCT FROM h.agent_id AND m.occurred_at > h.occurred_at - interval '1 hour'
                  AND btrim(m.content) = btrim(h.content))
     OR EXISTS (SELECT FROM staged_messages AS m
                WHERE m.session_id = h.session_id AND m.source IN ('transcript', 'history.jsonl') AND m.role = h.role
                  AND m.agent_id IS NOT DISTINCT FROM h.agent_id AND m.occurred_at > h.occurred_at - interval '1 hour'
                  AND btrim(m.content) = btrim(h.content)))"""
_OF_HOOKS: Final = "h.source = 'hook' AND h.brought_by IS NOT NULL AND NOT 0 = ANY(h.brought_by)"
_DROP_STAGED: Final = f"DELETE FROM staged_messages AS h WHERE h.source = 'hook' AND {_IS_SUPERSEDED}"
# The index messages_of_hooks has only these messages.
_SUPERSEDED: Final = f"""
    SELECT h.id, h.session_id FROM messages AS h WHERE h.session_id = ANY(%(session_ids)s) AND {_OF_HOOKS} AND {_IS_SUPERSEDED}"""
_DELETE: Final = "DELETE FROM messages WHERE id = ANY(%(row_ids)s)"


def merge_durations(connection: Connection[Any], staged: Staged) -> None:
    """Makes one version of what the batch, and the table, have of a tool call from a hook and from a file."""
    if not staged.rows["staged_tool_calls"]:
        return
    if staged.sources - {HOOK}:
        connection.execute(_OF_STORED_HOOKS)
    if HOOK in staged.sources:
        connection.execute(_OF_STAGED_HOOKS)
        connection.execute(_HOOKS_OF_KNOWN_CALLS)


def delete_superseded_messages(connection: Connection[Any], staged: Staged, parameters: dict[str, Any]) -> set[int]:
    """Deletes messages of hooks that files have, from the batch and from the table. Returns the projects this touched.

    `parameters` as in reattribution.reattributed(), with the batch's sessions, whose facts are stored already.
    """
    if HOOK in staged.sources and staged.rows["staged_messages"]:
        connection.execute(_DROP_STAGED)
    if not staged.sources - {HOOK}:
        return set()
    found = connection.execute(_SUPERSEDED, parameters).fetchall()
    if not found:
        return set()
    parameters = parameters | {"row_ids": [row_id for row_id, _ in found], "session_ids": sorted({session_id for _, session_id in found})}
    # Their keys were brought up to date with the facts, so only the messages themselves move.
    with reattributed(connection, parameters | {"whole_ids": []}) as projects:
        connection.execute(_DELETE, parameters)
        rebuild_sessions(connection, parameters)
    return projects
