"""Stores payloads of hooks, ranges of transcripts and signals as they came, in the caller's transaction. The task capture.read makes rows of them,
and adds to rows what signals know better. Readings of Claude Code's own files are stored at once (store_readings.py).

The worker decides which part of a range is new. Ingest may have forgotten how far a file was, and Postgres may be a restored backup.

- A range that goes on where the file ends is stored. A part that is stored already is cut off.
- A range that begins later is stored and waits: `stored_offset` stays before the gap, and readers stop there. Ingest is made to ask
  Postgres, and refuses the next range of the file with the offset that is wanted. A waiting range joins on when the gap is closed.
- A range whose stored beginning cannot be cut off becomes a dead letter.
- So does what a key that is bound to a user brought for another user's session or machine, and ingest could not know it.
- Data that was erased or has expired is left out (persist/tombstones.py).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
import psycopg
import structlog
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import scalar_row

from services.worker import lock_order
from services.worker.archive.segments import frame_of
from services.worker.drain.store_readings import store_readings
from services.worker.persist.dead_letters import VALUE_ERRORS, is_data_error, mark_ids_stored, reason_of, write_dead_letter
from services.worker.persist.ownership import NOT_YOURS, foreign_sessions
from services.worker.persist.tombstones import keep_out_items, ranges_of, tombstoned_items
from shared.archive.lines_of_time import Span, without_lines
from shared.archive.stored_pieces import decompressed
from shared.claude_formats.signals import OF_CALLS, WAIT
from shared.claude_formats.tool_results import tool_call_id
from shared.events.messages import UNNAMED_MACHINE, Binding, CapturedItem, HookPayload, Signal, TranscriptRange
from shared.events.readings import Reading
from shared.feed import FeedItem
from shared.journal.dead_letter_envelope import CAPTURED, DeadLetter
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "store_captured.sql")

log = structlog.get_logger()

CANNOT_BE_CUT: Final = "its beginning is stored, and cannot be cut off"
# Any constant. A change would make the dead letters of ranges new ones.
_NAMESPACE: Final = UUID("0c6e2a7e-5e2f-4c0c-9f0b-0d6b1c7e4a55")


class Received(Struct, frozen=True):
    """A captured item, with the entry that brought it."""

    item: CapturedItem
    received_at: datetime
    request_id: str
    journal_entry_id: str


class Captured(Struct):
    """Counts of captured items by their result. `astray`: ranges that did not join on, so what Redis has as the end of their files is wrong."""

    persisted: int = 0
    duplicates: int = 0
    dead: int = 0
    left_out: int = 0
    astray: list[TranscriptRange] = []
    # Changes by readings, which are stored at once.
    for_feed: list[FeedItem] = []

    def add(self, other: "Captured") -> None:
        """Adds another part of the batch."""
        self.persisted += other.persisted
        self.duplicates += other.duplicates
        self.dead += other.dead
        self.left_out += other.left_out
        self.astray += other.astray
        self.for_feed += other.for_feed


class _File(Struct):
    """A file's row, which this transaction has locked. `has_waiting`: ranges may wait behind a gap."""

    file_id: int
    offset: int
    has_waiting: bool
    is_changed: bool = False
    user: str | None = None
    bound_user: str | None = None


# By session, file name, machine and generation.
_Files = dict[tuple[str, str, str, int], _File]


def store_captured(connection: Connection[Any], batch: Sequence[Received]) -> Captured:
    """Stores hooks, ranges and signals. An item that Postgres refuses becomes a dead letter, and the rest is stored."""
    try:
        with connection.transaction():
            return _store(connection, batch)
    except (psycopg.Error, *VALUE_ERRORS) as error:
        if not is_data_error(error):
            raise
        if len(batch) == 1:
            write_dead_letter(connection, dead_letter_of(batch[0]), reason_of(error), getattr(error, "sqlstate", None))
            return Captured(dead=1)
    total = Captured()
    for received in batch:
        total.add(store_captured(connection, [received]))
    return total


def dead_letter_of(received: Received) -> DeadLetter:
    """A captured item as a dead letter."""
    return DeadLetter(
        journal_entry_id=received.journal_entry_id,
        event_id=_id_of(received.item),
        kind=next(kind for kind, struct in CAPTURED.items() if isinstance(received.item, struct)),
        request_id=received.request_id,
        received_at=received.received_at,
        payload=msgspec.json.encode(received.item),
    )


def _id_of(item: CapturedItem) -> UUID:
    """The item's id as a dead letter. A range is known by its place."""
    if not isinstance(item, TranscriptRange):
        return item.id
    place = (item.session_id, item.file_name, item.machine_id, item.generation, item.start_offset, item.end_offset)
    return uuid5(_NAMESPACE, "\n".join(map(str, place)))


def _store(connection: Connection[Any], batch: Sequence[Received]) -> Captured:
    # Writers of tombstones hold it exclusively.
    lock_order.lock_writing_shared(connection)
    named = [(each.item.session_id, each.item.bound_user or each.item.user) for each in batch]
    is_left_out = tombstoned_items(connection, named)
    keep_out_items(connection, compress(named, is_left_out))
    left_out = [received for received, is_out in zip(batch, is_left_out, strict=True) if is_out]
    batch = [received for received, is_out in zip(batch, is_left_out, strict=True) if not is_out]
    timed = {each.item.session_id for each in batch if isinstance(each.item, TranscriptRange | Signal)}
    erased = ranges_of(connection, timed) if batch else {}
    left_out += (received for received in batch if _is_of_erased_time(received.item, erased))
    batch = [_without_erased_lines(received, erased) for received in batch if not _is_of_erased_time(received.item, erased)]
    # Ingest is made to ask Postgres, and refuses the next one.
    total = Captured(left_out=len(left_out), astray=[each.item for each in left_out if isinstance(each.item, TranscriptRange)])
    foreign = _foreign_among(connection, batch)
    foreign_objects = set(map(id, foreign))
    batch = [received for received in batch if id(received) not in foreign_objects]
    hooks = [received for received in batch if isinstance(received.item, HookPayload)]
    signals = [received for received in batch if isinstance(received.item, Signal)]
    readings = [(each.item, each.received_at) for each in batch if isinstance(each.item, Reading)]
    of_readings = store_readings(connection, readings)
    total.for_feed += of_readings.for_feed
    total.persisted = _insert_hooks(connection, hooks) + _insert_signals(connection, signals) + of_readings.changed
    total.duplicates = len(hooks) + len(signals) + len(readings) - total.persisted
    for received in foreign:
        write_dead_letter(connection, dead_letter_of(received), NOT_YOURS)
    total.dead += len(foreign)
    # Ingest is made to ask Postgres, and refuses the next one.
    total.astray += [received.item for received in foreign if isinstance(received.item, TranscriptRange)]
    # In one order: then two workers that store ranges of the same files do not deadlock.
    ranges = sorted(
        ((received, received.item) for received in batch if isinstance(received.item, TranscriptRange)), key=lambda each: _place(each[1])
    )
    files: _Files = {}
    overlapping = []
    for received, item in ranges:
        outcome = _store_range(connection, _locked_file(connection, files, item), received, item)
        overlapping += [(received, item)] if outcome is None else []
        total.add(outcome or Captured())
    dead = []
    # Once more: when the others are stored, all of it may be known.
    for received, item in overlapping:
        outcome = _store_range(connection, _locked_file(connection, files, item), received, item)
        if outcome is None:
            write_dead_letter(connection, dead_letter_of(received), CANNOT_BE_CUT)
            dead.append(received)
        total.add(outcome or Captured(dead=1, astray=[item]))
    for file in files.values():
        if file.is_changed:
            connection.execute(_SQL.set_stored, msgspec.structs.asdict(file))
    _note_machines(connection, [each for each in batch if each.item.machine_id not in ("", UNNAMED_MACHINE)])
    mark_ids_stored(connection, [(_id_of(each.item), each.journal_entry_id) for each in batch if each not in dead])
    return total


def _is_of_erased_time(item: CapturedItem, erased: Mapping[str, Sequence[Span]]) -> bool:
    """Whether a signal tells of a time of its session that was erased."""
    return isinstance(item, Signal) and any(span.from_at <= item.occurred_at < span.to_at for span in erased.get(item.session_id, ()))


def _without_erased_lines(received: Received, erased: Mapping[str, Sequence[Span]]) -> Received:
    """A range of a session of which a time was erased, without the lines of that time."""
    item = received.item
    if not isinstance(item, TranscriptRange) or item.session_id not in erased:
        return received
    content = without_lines(item.content.encode(), erased[item.session_id]).decode()
    return msgspec.structs.replace(received, item=msgspec.structs.replace(item, content=content))


def _foreign_among(connection: Connection[Any], batch: Sequence[Received]) -> list[Received]:
    """The items that a bound user's key brought for what is another user's."""
    by_user: dict[str, list[Received]] = {}
    for received in batch:
        if received.item.bound_user is not None:
            by_user.setdefault(received.item.bound_user, []).append(received)
    foreign: list[Received] = []
    for user, items in by_user.items():
        session_ids = {each.item.session_id for each in items if each.item.session_id is not None}
        parameters = {"user": user, "session_ids": sorted(session_ids), "machine_ids": sorted({each.item.machine_id for each in items})}
        with connection.cursor(row_factory=scalar_row) as cursor:
            sessions = foreign_sessions(connection, Binding(user), session_ids).union(cursor.execute(_SQL.files_of_others, parameters))
            machines = set(cursor.execute(_SQL.machines_of_others, parameters))
        foreign += (each for each in items if each.item.session_id in sessions or each.item.machine_id in machines)
    return foreign


def _place(item: TranscriptRange) -> tuple[str, str, str, int, int]:
    return item.session_id, item.file_name, item.machine_id, item.generation, item.start_offset


def _insert_hooks(connection: Connection[Any], hooks: Sequence[Received]) -> int:
    """How many are new."""
    rows = [msgspec.structs.asdict(each.item) | {"received_at": each.received_at, "request_id": each.request_id} for each in hooks]
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(_SQL.insert_hook, rows)
        return cursor.rowcount


def _insert_signals(connection: Connection[Any], signals: Sequence[Received]) -> int:
    """How many are new."""
    rows: list[dict[str, Any]] = []
    for received in signals:
        row = msgspec.structs.asdict(received.item) | {"received_at": received.received_at, "request_id": received.request_id}
        row["tool_call_id"] = tool_call_id(row["tool_use_id"]) if row["tool_use_id"] else None
        # The call of a wait may be known by its span alone.
        row["is_new"] = row["name"] == WAIT or (row["tool_call_id"] is not None and row["name"] in OF_CALLS)
        rows.append(row)
    if not rows:
        return 0
    with connection.cursor() as cursor:
        # In one order: then two workers that store the same ones do not deadlock.
        cursor.executemany(_SQL.insert_signal, sorted(rows, key=itemgetter("id")))
        return cursor.rowcount


def _note_machines(connection: Connection[Any], batch: Sequence[Received]) -> None:
    """Which machine each session was seen on, and when each machine was heard of. In one order, so that two workers do not deadlock."""
    if not batch:
        return
    seen = sorted({(each.item.session_id, each.item.machine_id) for each in batch if each.item.session_id is not None})
    connection.execute(_SQL.note_machines, {"session_ids": [each[0] for each in seen], "machine_ids": [each[1] for each in seen]})
    heard = sorted({each.item.machine_id for each in batch})
    users = {each.item.machine_id: each.item.user for each in batch if each.item.user is not None}
    times = {machine_id: max(each.received_at for each in batch if each.item.machine_id == machine_id) for machine_id in heard}
    parameters = {"machine_ids": heard, "users": [users.get(each) for each in heard], "times": [times[each] for each in heard]}
    connection.execute(_SQL.heard_of_machines, parameters)


def _store_range(connection: Connection[Any], file: _File, received: Received, item: TranscriptRange) -> Captured | None:
    """The result of a range; None if its beginning is stored and cannot be cut off."""
    content = item.content.encode()
    if item.end_offset <= file.offset:
        return Captured(duplicates=1)
    if item.start_offset > file.offset:
        log.warning("transcript_gap", session_id=item.session_id, stored_offset=file.offset, start_offset=item.start_offset)
        is_new = _insert_range(connection, file, received, item.start_offset, item.end_offset, content)
        file.has_waiting = True
        return Captured(persisted=int(is_new), duplicates=int(not is_new), astray=[item])
    if item.start_offset < file.offset:
        rest = _without_known(connection, file, item, content)
        if rest is None:
            return None
        content = rest
    start = file.offset
    _insert_range(connection, file, received, start, item.end_offset, content)
    file.offset, file.is_changed = item.end_offset, True
    file.user, file.bound_user = file.user or item.user, file.bound_user or item.bound_user
    if file.has_waiting:
        _join_waiting(connection, file, item, start)
    return Captured(persisted=1)


def _locked_file(connection: Connection[Any], files: _Files, item: TranscriptRange) -> _File:
    """The file's row, made if it is missing. Until the transaction ends, no other one stores a range of it."""
    key = (item.session_id, item.file_name, item.machine_id, item.generation)
    if key not in files:
        parameters = {"session_id": key[0], "file_name": key[1], "machine_id": key[2], "generation": key[3]}
        parameters |= {"user": item.user, "bound_user": item.bound_user}
        connection.execute(_SQL.insert_file, parameters)
        [row] = connection.execute(_SQL.lock_file, parameters).fetchall()
        files[key] = _File(*row)
    return files[key]


def _insert_range(connection: Connection[Any], file: _File, received: Received, start: int, end: int, content: bytes) -> bool:
    parameters = {
        "file_id": file.file_id,
        "start": start,
        "end": end,
        "content": frame_of(content),
        "raw_bytes": len(content),
        "received_at": received.received_at,
        "request_id": received.request_id,
    }
    return connection.execute(_SQL.insert_range, parameters).rowcount == 1


def _without_known(connection: Connection[Any], file: _File, item: TranscriptRange, content: bytes) -> bytes | None:
    """The part of a range that is not stored; None if it cannot be told.

    If nothing was redacted, the bytes are those of the file. Else the stored lines are counted: redaction keeps their number.
    """
    cut = file.offset - item.start_offset
    if len(content) == item.end_offset - item.start_offset:
        return content[cut:] if content[cut - 1 : cut] == b"\n" else None
    stored = connection.execute(_SQL.stored_between, {"file_id": file.file_id, "start": item.start_offset, "end": file.offset}).fetchall()
    lines, offset = 0, item.start_offset
    for start, end, frame in stored:
        if start != offset:
            return None
        lines, offset = lines + decompressed(frame).count(b"\n"), end
    if offset != file.offset or content.count(b"\n") <= lines:
        return None
    return content.split(b"\n", lines)[lines]


def _join_waiting(connection: Connection[Any], file: _File, item: TranscriptRange, start: int) -> None:
    """Lets ranges that waited behind a gap join on, now that the file goes on from `start` to its offset. Bytes that it has already are left out."""
    joined = {"file_id": file.file_id, "start": start}
    # One after the other, since what is left of one may be put where another one waits.
    while (waiting := connection.execute(_SQL.next_waiting, joined | {"offset": file.offset}).fetchone()) is not None:
        waiting_start, waiting_end = waiting
        if waiting_start == file.offset:
            joined["start"], file.offset = waiting_start, waiting_end
            continue
        parameters = {"file_id": file.file_id, "start": waiting_start}
        [(frame, received_at, request_id)] = connection.execute(_SQL.delete_range, parameters).fetchall()
        if waiting_end > file.offset:
            content = decompressed(frame)
            waited = msgspec.structs.replace(item, start_offset=waiting_start, end_offset=waiting_end, content=content.decode())
            received = Received(waited, received_at, request_id or "", f"waited:{file.file_id}")
            _let_rest_wait(connection, file, received, waited, content)


def _let_rest_wait(connection: Connection[Any], file: _File, received: Received, item: TranscriptRange, content: bytes) -> None:
    """Stores what is new of a range where the file ends. It joins on from there, or a longer one does that waits at this place."""
    rest = _without_known(connection, file, item, content)
    if rest is None:
        write_dead_letter(connection, dead_letter_of(received), CANNOT_BE_CUT)
    else:
        _insert_range(connection, file, received, file.offset, item.end_offset, rest)
