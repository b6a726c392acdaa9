"""What telemetry knows of a tool call better than a transcript or a hook: how long it ran, and that a person said "No" to it.

A signal makes no call. It is added to each version of a call that is stored, whichever comes first: a version that is staged looks for stored signals,
and a new signal has the stored call staged again (services/worker/capture/signal_reading.py). Everything here runs under the order of imports
(lock_order), so no other transaction brings files, hooks or signals to rows meanwhile.
"""

from functools import partial
from typing import Any, Final

from psycopg import Connection

from services.worker.persist.records import SIGNAL
from services.worker.persist.staging.staging_tables import Staged
from services.worker.sql_text import sql
from shared.claude_formats.signals import TOOL_DECISION, TOOL_RESULT
from shared.sql_files import statement

_sql = partial(statement, __package__, "signal_rows.sql")

_IS_OF_CALL: Final = _sql("is_of_call")
_STORED_CALLS: Final = _sql("stored_calls")
_NO_STORED_CALLS: Final = "DELETE FROM staged_tool_calls WHERE source = 'signal'"
_DURATIONS: Final = sql(_sql("durations_of_signals"), is_of_call=_IS_OF_CALL).encode()
_REFUSALS: Final = sql(_sql("refusals_of_signals"), is_of_call=_IS_OF_CALL).encode()
_NAMES: Final = {"tool_result": TOOL_RESULT, "tool_decision": TOOL_DECISION}


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
