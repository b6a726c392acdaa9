"""Tells stored calls of new signals: each call is staged again as it is stored, and gets what its signals know (persist/signal_rows.py).

A signal whose call is not stored is done too: the call looks for its signals when it comes.
"""

from collections import defaultdict
from typing import Any, Final

from psycopg import Connection

from services.worker import lock_order
from services.worker.capture.capture_job import CaptureJob, add_counts
from services.worker.importers.job import errors
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.live.captured_feed import CapturedItem, append_captured, before_captured, captured_items
from services.worker.persist.ownership import without
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import SIGNAL, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from services.worker.resources import Resources
from shared.claude_formats.signals import TOOL_DECISION
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "signal_reading.sql")

SIGNALS_AT_ONCE: Final = 500
_IS_ANY_LEFT: Final = "SELECT EXISTS (SELECT FROM signals WHERE is_new)"


def is_any_signal_left(connection: Connection[Any]) -> bool:
    """Whether signals wait to be told to their calls."""
    [(is_any,)] = connection.execute(_IS_ANY_LEFT).fetchall()
    return bool(is_any)


def read_signals(worker: Resources, connection: Connection[Any], job: CaptureJob) -> bool:
    """Tells the calls of the oldest new signals. True if there were any."""
    with connection.transaction():
        lock_order.lock_import_order(connection)
        taken = connection.execute(_SQL.take, {"limit": SIGNALS_AT_ONCE, "tool_decision": TOOL_DECISION}).fetchall()
        # As the job that brought the call first: a signal brings none, so an undo of that job takes the call away.
        by_job: dict[int, list[ReceivedEvent]] = defaultdict(list)
        for call_id, session_id, tool_name, occurred_at, job_number, received_at, request_id in taken:
            if call_id is not None:
                call = ToolUse(
                    id=call_id, session_id=session_id, tool_name=tool_name, status="pending", timestamp=occurred_at, source=SIGNAL
                )
                by_job[job_number].append(ReceivedEvent(call, received_at, request_id, f"import:{job.id}"))
        for_feed = [item for number, batch in sorted(by_job.items()) for item in _store(worker, connection, job, number, batch)]
    append_captured(worker.redis, connection, for_feed)
    return bool(taken)


def _store(
    worker: Resources, connection: Connection[Any], job: CaptureJob, job_number: int, batch: list[ReceivedEvent]
) -> list[CapturedItem]:
    """Stores the calls once more. Gives the items for the live feed: a call that a person refused has ended."""
    # An earlier batch of the transaction may have filled them.
    clear(connection)
    before = before_captured(connection, batch)
    outcome = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=job_number)
    if outcome.dead:
        found = list(errors.of_dead_letters(outcome.dead))
        add_counts(connection, job, Persisted(), bytes_read=0, rows=0, errors=found, unknown_records={}, skipped_records={}, redactions={})
    return captured_items(connection, before, without(batch, outcome.refused))
