"""Merges rows of hooks with those of a transcript. Hooks alone know how long a tool call ran; their messages are in the transcript, too.

Either may come first, and both may tell of the same call in one batch. Everything here runs under the order of imports (lock_order), so no other
transaction brings files or hooks meanwhile.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.records import HOOK
from services.worker.persist.staging.staging_tables import Staged
from services.worker.row_tables import TOOL_CALLS
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "hook_rows.sql")

_OF_STORED_HOOKS: Final = sql(
    _SQL.durations_of_hooks, hooks="tool_calls", condition="AND NOT coalesce(0 >= ANY(h.brought_by), true)"
).encode()
_OF_STAGED_HOOKS: Final = sql(_SQL.durations_of_hooks, hooks="staged_tool_calls", condition="").encode()
_OF_KNOWN_CALLS: Final = sql(
    _SQL.hooks_of_known_calls, as_stored=TOOL_CALLS.as_stored("duration_ms", "duration_source", "wait_ms")
).encode()
_DROP_STAGED: Final = sql(_SQL.drop_staged, is_superseded=_SQL.is_superseded).encode()
_SUPERSEDED: Final = sql(_SQL.superseded, is_superseded=_SQL.is_superseded).encode()
_DELETE: Final = "DELETE FROM messages WHERE id = ANY(%(row_ids)s)"


def merge_durations(connection: Connection[Any], staged: Staged) -> None:
    """Makes one version of what the batch, and the table, have of a tool call from a hook and from a file."""
    if not staged.rows["staged_tool_calls"]:
        return
    if staged.sources - {HOOK}:
        connection.execute(_OF_STORED_HOOKS)
    if HOOK in staged.sources:
        connection.execute(_OF_STAGED_HOOKS)
        connection.execute(_OF_KNOWN_CALLS)


def delete_superseded_messages(
    connection: Connection[Any], staged: Staged, session_ids: Sequence[str], idle_gap: timedelta, *, is_clients_word: bool
) -> None:
    """Deletes messages of hooks that files have, from the batch and from the table.

    `session_ids`: of the batch, whose facts are stored already.
    """
    # A message that a client sent stays, whatever source it named.
    if HOOK in staged.sources and staged.rows["staged_messages"] and not is_clients_word:
        connection.execute(_DROP_STAGED)
    if not staged.sources - {HOOK}:
        return
    found = connection.execute(_SUPERSEDED, {"session_ids": session_ids}).fetchall()
    if not found:
        return
    connection.execute(_DELETE, {"row_ids": [row_id for row_id, _ in found]})
    of_rows = sorted({session_id for _, session_id in found})
    rebuild_sessions(connection, {"session_ids": of_rows, "idle_gap": idle_gap})
