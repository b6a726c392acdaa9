"""Makes rows of what live capture has stored. It reads from top to bottom; each step is a function called from here.

1. lock: one process reads at a time, so that records are stored in the order in which a machine sent them
2. files: each file with something new is read from where it was (file_reading.py); short readings are stored together, in one transaction
3. hooks: their payloads become rows (hook_reading.py), after the files, which know the same and more
4. signals: stored calls are told what telemetry knows of them; a call that comes later looks for its signals itself
5. go round until nothing is left, or until the task's time is over

A file whose reading was begun too often without a commit is set aside for a while: it may be what ended the process. A file that needs the archive
while that is away waits for a minute, and holds up no other.

A process that dies has committed whole readings. The next one takes the lock, which Postgres frees with the connection, and goes on behind them.
"""

import faulthandler
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import structlog
from psycopg import Connection
from psycopg.pq import TransactionStatus

from services.worker import lock_order
from services.worker.capture.capture_job import CaptureJob, add_counts, capture_job
from services.worker.capture.captured_files import (
    CapturedFile,
    MovedOnError,
    count_attempt,
    due_files,
    is_any_due,
    set_aside,
    wait_for_archive,
)
from services.worker.capture.file_reading import FileReading, read_next, store
from services.worker.capture.hook_reading import is_any_payload_left, read_hooks
from services.worker.capture.parser_states import ParserState, ParserStates
from services.worker.importers.job import errors
from services.worker.importers.job.chunks import CHUNK_RECORDS
from services.worker.kept_out import know_kept_out
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.live.captured_feed import CapturedItem, append_captured, before_captured, captured_items
from services.worker.persist.ownership import without
from services.worker.persist.persist_batch import Persisted
from services.worker.persist.records import SIGNAL, ToolUse
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from services.worker.resources import Resources
from services.worker.row_lease import MAX_ATTEMPTS
from shared.blobs.store import BlobStoreError
from shared.claude_formats.signals import TOOL_DECISION
from shared.redaction.redact import redact_text
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "read_captured.sql")

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


log = structlog.get_logger()

# How long one task goes on before it makes room for the next: a drain may wait for the process.
TASK_SECONDS: Final = 5.0
# The most of one round, so that a range that has just come waits for a round at most.
FILES_A_ROUND: Final = 32
# Then long files make room for what has come meanwhile.
ROUND_SECONDS: Final = 0.5
# A long file that has to be read again from its beginning takes seconds.
HANGS_SECONDS: Final = 120.0
_STDERR: Final = 2

# An arbitrary constant. A lock of the session, not of a transaction: the holder commits many times.
_LOCK_KEY: Final = 0x_1A904C
_TRY_LOCK: Final = f"SELECT pg_try_advisory_lock({_LOCK_KEY})"
_UNLOCK: Final = f"SELECT pg_advisory_unlock({_LOCK_KEY})"


@cache
def _states() -> ParserStates:
    """This process'."""
    return ParserStates()


def read_captured(worker: Resources, states: ParserStates | None = None, seconds: float = TASK_SECONDS) -> bool:
    """Reads what waits. True if the time was over before the end. Returns at once if another process reads."""
    states = states if states is not None else _states()
    ends_at = time.monotonic() + seconds
    is_left = True
    with worker.connection() as connection:
        while is_left and time.monotonic() < ends_at:
            with locked(connection) as is_ours:
                if not is_ours:
                    # The holder looks again when it has let go.
                    return False
                with connection.transaction():
                    job = capture_job(connection)
                while _read_some(worker, connection, job, states, ends_at) and time.monotonic() < ends_at:
                    pass
            with connection.transaction():
                is_left = is_any_due(connection) or is_any_payload_left(connection) or is_any_signal_left(connection)
    return is_left


def _read_some(worker: Resources, connection: Connection[Any], job: CaptureJob, states: ParserStates, ends_at: float) -> bool:
    """One round over files, hooks and signals. True if it got on."""
    know_kept_out(worker, connection)
    has_read_files = _read_files(worker, connection, job, states, ends_at)
    has_read_hooks = read_hooks(worker, connection, job)
    return read_signals(worker, connection, job) or has_read_hooks or has_read_files


def _read_files(worker: Resources, connection: Connection[Any], job: CaptureJob, states: ParserStates, ends_at: float) -> bool:
    """One round over the files. True if it got on."""
    with connection.transaction():
        files = deque(sorted(due_files(connection, FILES_A_ROUND), key=_priority))
    is_moved = False
    round_ends_at = min(ends_at, time.monotonic() + ROUND_SECONDS)
    # Behind the short ones the round ends when its time is over: short ones may have come again.
    while files and not (is_moved and files[0].is_long and time.monotonic() > round_ends_at):
        is_moved |= _read_together(worker, connection, job, states, files)
    return is_moved


def _priority(file: CapturedFile) -> int:
    """Short ones, then one whose reading failed before, then long ones."""
    return 1 if file.attempts else 2 if file.is_long else 0


def _read_together(
    worker: Resources, connection: Connection[Any], job: CaptureJob, states: ParserStates, files: deque[CapturedFile]
) -> bool:
    """Reads the first of the files, and as many more as one transaction stores. True if it got on.

    The parser's states are kept only if that was committed. A file whose reading failed before is read alone.
    """
    first = files[0]
    readings: list[FileReading] = []
    read: list[tuple[CapturedFile, ParserState]] = []
    while files and sum(len(reading.events) for reading in readings) < CHUNK_RECORDS:
        if files[0] is not first and (_priority(files[0]) != _priority(first) or first.attempts):
            break
        file = files.popleft()
        begun = _begin(worker, connection, job, states, file)
        if begun is not None:
            reading, state = begun
            readings.append(reading)
            read.append((file, state))
    if not readings:
        return False
    try:
        for_feed = store(worker, connection, job, readings)
    except MovedOnError:
        return False
    for file, state in read:
        states.put(file, state)
    append_captured(worker.redis, connection, for_feed)
    return True


def _begin(
    worker: Resources, connection: Connection[Any], job: CaptureJob, states: ParserStates, file: CapturedFile
) -> tuple[FileReading, ParserState] | None:
    """The next reading of a file, and the parser's state behind it. None if it has to wait, if nothing is to be read, or if it was tried too often."""
    with connection.transaction():
        if file.attempts >= MAX_ATTEMPTS and file.was_set_aside_until is None:
            _set_aside(connection, job, file)
            return None
        count_attempt(connection, file)
    try:
        with connection.transaction(), _ended_if_it_hangs():
            state = states.at_parsed_offset(connection, file, worker.idle_gap, worker.kept_results, worker.archive)
            reading = read_next(worker, connection, job, file, state)
    except BlobStoreError as error:
        log.warning("archive_away", file=file.name, reason=str(error))
        with connection.transaction():
            wait_for_archive(connection, file)
        return None
    if reading is None:
        log.warning("captured_range_missing", file=file.name, offset=file.parsed_offset)
        return None
    return reading, state


def _set_aside(connection: Connection[Any], job: CaptureJob, file: CapturedFile) -> None:
    log.error("captured_file_set_aside", file=file.name, offset=file.parsed_offset, attempts=file.attempts)
    message = (
        f"Its reading was begun {file.attempts} times and never finished. It is tried again in ten minutes, then less and less often."
        " See the worker's log for what ended it; import the file to see whether it can be read at all."
    )
    error = {"file": redact_text(file.name), "offset": file.parsed_offset, "code": "GIVEN_UP", "message": message}
    add_counts(connection, job, Persisted(), bytes_read=0, rows=0, errors=[error], unknown_records={}, skipped_records={}, redactions={})
    set_aside(connection, file)


@contextmanager
def _ended_if_it_hangs() -> Iterator[None]:
    """Ends the process if the block takes too long, even in C code that holds the interpreter's lock."""
    faulthandler.dump_traceback_later(HANGS_SECONDS, exit=True, file=_STDERR)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


@contextmanager
def locked(connection: Connection[Any]) -> Iterator[bool]:
    """Gives whether the block has the lock. Does not wait for it."""
    with connection.transaction():
        [(is_ours,)] = connection.execute(_TRY_LOCK).fetchall()
    try:
        yield is_ours
    finally:
        if connection.info.transaction_status is not TransactionStatus.IDLE:
            # Interrupted in the middle. The lock goes with the connection.
            connection.close()
        elif is_ours:
            with connection.transaction():
                connection.execute(_UNLOCK)
