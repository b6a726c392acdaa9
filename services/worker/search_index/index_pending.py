"""Brings the search index up to date with the rows. It reads from top to bottom.

1. locks: one process indexes at a time, so that an older version of a row is never written over a newer one. Those that delete documents with their
   rows (forget_documents.py) wait for a slice to end, and a slice waits for them
2. notes: triggers have noted in `search_pending` which rows changed; those of the newest events come first
3. rows: each is read as it is now, and its document written, or deleted if the row is gone
4. the notes go in the transaction that wrote their documents, and at its end the dictionary counts their words
5. yields: while an import runs or events wait in the journal, a task ends after a short slice, and the sweep sends the next within a second. So
   drains and capture have their process, and the newest events still come first

A process that dies leaves the notes of its last transaction, and the next one does them again. A row that changes while it is read is noted again by
the transaction that changed it, and that note is visible only with the change.
"""

import time
from collections import Counter, defaultdict
from typing import Any, Final

from psycopg import Connection

from services.worker.lock_order import lock_documents
from services.worker.resources import Resources
from services.worker.search_index.backfill import backfill_some
from services.worker.search_index.dictionary import counted_words
from services.worker.search_index.documents import documents_of, ids_of
from services.worker.search_index.write_documents import write_documents
from shared.journal.partitions import streams_in_use
from shared.sql_files import statement

# How long one task goes on before it makes room for the next. Drains and capture share its two processes: a third one costs an idle stack 25 MB.
TASK_SECONDS: Final = 0.5
# About as long as a transaction is open: others wait for the space that it frees.
SLICE_SECONDS: Final = 0.5
# While others write much, a task is one slice of this length.
BUSY_SLICE_SECONDS: Final = 0.25
# Entries of the journal that are more than a drain takes at once.
BUSY_ENTRIES: Final = 200
# Rows that are read and written together.
KEYS: Final = 512

_BACKFILL: Final = "backfill"


def index_pending(worker: Resources, seconds: float = TASK_SECONDS) -> bool:
    """Indexes what is noted. True if it should go on at once: something is left, and no one else writes much.

    Returns at once if another process indexes.
    """
    ends_at = time.monotonic() + seconds
    with worker.connection() as connection:
        while True:
            is_busy = _others_write(worker, connection)
            slice_seconds = BUSY_SLICE_SECONDS if is_busy else SLICE_SECONDS
            is_ours, is_left = _index_slice(connection, min(ends_at, time.monotonic() + slice_seconds))
            if not is_ours or not is_left or is_busy:
                return False
            if time.monotonic() > ends_at:
                return True


def _others_write(worker: Resources, connection: Connection[Any]) -> bool:
    """Whether an import runs, or the journal has a backlog. A writer takes 1.5 times as long beside an indexer that does not pause."""
    streams = streams_in_use(worker.redis, worker.settings.journal_partitions)
    if sum(worker.redis.xlen(stream) for stream in streams) > BUSY_ENTRIES:
        return True
    [(is_importing,)] = connection.execute(_statement("is_importing")).fetchall()
    # Or the slice would be a savepoint of this transaction.
    connection.commit()
    return bool(is_importing)


def _index_slice(connection: Connection[Any], ends_at: float) -> tuple[bool, bool]:
    """One transaction: whether it had the lock, and whether anything is left."""
    with connection.transaction():
        [(is_ours,)] = connection.execute(_statement("try_lock")).fetchall()
        if not is_ours:
            return False, True
        lock_documents(connection)
        with counted_words(connection) as counts:
            while _index_some(connection, counts):
                if time.monotonic() > ends_at:
                    return True, True
    return True, False


def _index_some(connection: Connection[Any], counts: Counter[str]) -> bool:
    """The next notes. False if there are none."""
    notes = connection.execute(_statement("next"), {"keys": KEYS}).fetchall()
    if not notes:
        connection.execute(_statement("drop_former"))
        return False
    keys: dict[str, list[str]] = defaultdict(list)
    done: list[tuple[str, int]] = []
    for newest, number, kind, noted in notes:
        if kind == _BACKFILL and backfill_some(connection, counts, number, noted, KEYS):
            continue
        if kind != _BACKFILL:
            keys[kind] += noted
        done.append((newest, number))
    for kind, noted in keys.items():
        unique = list(dict.fromkeys(noted))
        write_documents(connection, counts, ids_of(connection, kind, unique), documents_of(connection, kind, unique))
    parameters: dict[str, Any] = {"newest": [newest for newest, _ in done], "number": [number for _, number in done]}
    connection.execute(_statement("done"), parameters)
    return True


def _statement(name: str) -> bytes:
    return statement("services.worker.search_index", "index_pending.sql", name).encode()
