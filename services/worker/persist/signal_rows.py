"""Adds telemetry to tool calls. It knows better than a transcript or a hook how long a call ran, how long a person was asked, and
that the answer was "No". It names the source of a permission where the transcript does not.

A signal makes no call. It is added to each version of a call that is stored, whichever comes first. A version that is staged looks for stored signals,
and a new signal has the stored call staged again (services/worker/capture/read_captured.py). Everything here runs under the order of imports
(lock_order), so no other transaction brings files, hooks or signals to rows meanwhile.
"""

from typing import Any, Final, get_args

from psycopg import Connection

from services.worker.persist.records import SIGNAL, Decision, DecisionSource
from services.worker.persist.staging.staging_tables import Staged
from services.worker.row_tables import TOOL_CALLS
from services.worker.sql_text import sql
from shared.claude_formats.signals import TOOL_DECISION, TOOL_RESULT, WAIT
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "signal_rows.sql")

_IS_OF_CALL: Final = sql(_SQL.is_of_call, is_of_session=_SQL.is_of_session)
_STORED_CALLS: Final = sql(_SQL.stored_calls, as_stored=TOOL_CALLS.as_stored()).encode()
_NO_STORED_CALLS: Final = "DELETE FROM staged_tool_calls WHERE source = 'signal'"
_DURATIONS: Final = sql(_SQL.durations_of_signals, is_of_call=_IS_OF_CALL).encode()
_REFUSALS: Final = sql(_SQL.refusals_of_signals, is_of_call=_IS_OF_CALL).encode()
_DECISIONS: Final = sql(_SQL.decisions_of_signals, is_of_call=_IS_OF_CALL).encode()
_WAITS: Final = sql(_SQL.waits_of_signals, is_of_session=_SQL.is_of_session, wait=WAIT).encode()
_NAMES: Final[dict[str, Any]] = {
    "tool_result": TOOL_RESULT,
    "tool_decision": TOOL_DECISION,
    # Claude Code's words, as the rows of transcripts have them.
    "decisions": list(get_args(Decision)),
    "sources": list(get_args(DecisionSource)),
}


def take_stored_calls(connection: Connection[Any], staged: Staged) -> None:
    """Makes of calls that are staged for a signal what is stored of them; those of which nothing is stored are staged no more."""
    if SIGNAL in staged.sources:
        connection.execute(_STORED_CALLS)
        connection.execute(_NO_STORED_CALLS)


def add_signals(connection: Connection[Any], staged: Staged) -> None:
    """Adds what signals know to the staged calls."""
    if staged.rows["staged_tool_calls"]:
        connection.execute(_DURATIONS, _NAMES)
        connection.execute(_REFUSALS, _NAMES)
        connection.execute(_DECISIONS, _NAMES)
        connection.execute(_WAITS, _NAMES)
