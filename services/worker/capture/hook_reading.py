"""Makes rows of stored payloads of hooks, and deletes the payloads in the same transaction. A payload that cannot be read becomes a dead letter."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import msgspec
from psycopg import Connection

from services.worker import lock_order
from services.worker.capture.capture_job import CaptureJob, add_counts
from services.worker.importers.formats.format_census import UNKNOWN_VERSION, FormatCensus
from services.worker.importers.formats.hook_signs import signs_of
from services.worker.importers.formats.hooks import read_hook
from services.worker.importers.formats.plausible_records import Found, plausible
from services.worker.importers.job import errors
from services.worker.persist.dead_letters import NOTHING, VALUE_ERRORS, persist_isolating, write_dead_letter
from services.worker.persist.live.agent_signs import AgentSign
from services.worker.persist.live.captured_feed import CapturedItem, SignOfHook, append_captured, before_captured, captured_items
from services.worker.persist.live.session_signs import Sign
from services.worker.persist.ownership import foreign_sessions, without
from services.worker.persist.records import Record, RecordError
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import tombstoned_sessions
from services.worker.persist.unread_formats import count_unread, versions_of_machines
from services.worker.resources import Resources
from shared.events.messages import Binding, HookPayload, binding
from shared.journal.dead_letter_envelope import HOOK_KIND, DeadLetter
from shared.redaction.redacted_structs import redact_structs
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "hook_reading.sql")

# The most of one transaction. A payload gives two or three records, and may have a megabyte: all of a batch is in memory several times.
PAYLOADS_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 8 * 1024**2

_IS_ANY_LEFT = "SELECT EXISTS (SELECT FROM hook_payloads)"


class Payload(NamedTuple):
    """A hook as the drain stored it: a row of hook_payloads."""

    id: UUID
    session_id: str
    machine_id: str
    occurred_at: datetime
    received_at: datetime
    request_id: str
    user: str | None
    # The user whose API key brought it, as for a captured file.
    bound_user: str | None
    content: str


def is_any_payload_left(connection: Connection[Any]) -> bool:
    """Whether hooks wait to be read."""
    [(is_any,)] = connection.execute(_IS_ANY_LEFT).fetchall()
    return bool(is_any)


def read_hooks(worker: Resources, connection: Connection[Any], job: CaptureJob) -> bool:
    """Stores the records of the oldest payloads. True if there were any."""
    for_feed: list[CapturedItem] = []
    with connection.transaction():
        lock_order.lock_import_order(connection)
        taken = [Payload(*row) for row in connection.execute(_SQL.take, {"limit": PAYLOADS_AT_ONCE, "bytes": BYTES_AT_ONCE})]
        if taken:
            taken.sort(key=attrgetter("occurred_at", "id"))
            for_feed = _store(worker, connection, job, taken)
    append_captured(worker.redis, connection, for_feed)
    return bool(taken)


def _store(worker: Resources, connection: Connection[Any], job: CaptureJob, payloads: Sequence[Payload]) -> list[CapturedItem]:
    """Stores what the payloads say. Gives the items for the live feed."""
    batch: list[ReceivedEvent] = []
    signs: list[tuple[str | None, SignOfHook]] = []
    problems: list[RecordError] = []
    versions, census = versions_of_machines(connection, {payload.machine_id for payload in payloads}), FormatCensus()
    for payload in payloads:
        # A hook does not say its version; its machine has reported one.
        census.at_version(versions.get(payload.machine_id) or UNKNOWN_VERSION)
        census.look_at_hook(payload.content)
        bound = binding(payload.bound_user, None)
        for found in _records_of(worker, connection, payload):
            if isinstance(found, RecordError):
                problems.append(found)
            elif isinstance(found, Record):
                # Dead letters are replayed as those of the job.
                entry, user = f"import:{job.id}", payload.user
                batch.append(ReceivedEvent(found, payload.received_at, payload.request_id, entry, bound=bound, user=user))
        if payload.session_id:
            shown, at, heard_at = signs_of(payload.content), payload.occurred_at, payload.received_at
            if shown.of_session is not None:
                sign = Sign(payload.session_id, at, shown.of_session, heard_at, "hook")
                signs.append((payload.bound_user, SignOfHook(len(batch), sign)))
            if shown.agent_id is not None and shown.of_agent is not None:
                of_agent = AgentSign(payload.session_id, shown.agent_id, at, shown.of_agent, heard_at, "hook")
                signs.append((payload.bound_user, SignOfHook(len(batch), of_agent)))
    redactions: dict[str, int] = {}
    if worker.settings.redact:
        # Ingest has redacted already. A text of which only a part is kept may show another match.
        redact_structs([received.event for received in batch], redactions)
    outcome = NOTHING
    before = before_captured(connection, batch)
    if batch:
        outcome = persist_isolating(connection, batch, idle_gap=worker.idle_gap, job_number=job.number)
    count_unread(connection, census.unread)
    for_feed = captured_items(connection, before, without(batch, outcome.refused), _own_signs(connection, signs))
    problems_found = [*errors.of_reading(("hooks", problem) for problem in problems), *errors.of_foreign_records(outcome.foreign)]
    add_counts(
        connection,
        job,
        outcome.persisted,
        bytes_read=sum(len(payload.content) for payload in payloads),
        rows=len(batch),
        errors=[*problems_found, *errors.of_dead_letters(outcome.dead)],
        unknown_records={},
        skipped_records=errors.not_stored(outcome),
        redactions=redactions,
    )
    return for_feed


def _own_signs(connection: Connection[Any], signs: Sequence[tuple[str | None, SignOfHook]]) -> list[SignOfHook]:
    """Without those that a user's key brought of sessions of other users, and without those of sessions that were erased."""
    session_ids: dict[str, set[str]] = {}
    for user, found in signs:
        if user is not None:
            session_ids.setdefault(user, set()).add(found.sign.session_id)
    foreign = {(user, session_id) for user, ids in session_ids.items() for session_id in foreign_sessions(connection, Binding(user), ids)}
    erased = tombstoned_sessions(connection, {found.sign.session_id for _, found in signs})
    return [found for user, found in signs if (user, found.sign.session_id) not in foreign and found.sign.session_id not in erased]


def _records_of(worker: Resources, connection: Connection[Any], payload: Payload) -> list[Found]:
    """The records; none of a payload that becomes a dead letter."""
    try:
        found = read_hook(payload.content.encode(), payload.occurred_at, user=payload.user, kept_results=worker.kept_results)
        return list(plausible(found, payload.received_at))
    except (*VALUE_ERRORS, RecursionError) as error:
        write_dead_letter(connection, _dead_letter_of(payload), f"{type(error).__name__}: the payload of a hook cannot be read")
        return []


def _dead_letter_of(payload: Payload) -> DeadLetter:
    """As the drain writes one, so that a replay stores the payload again. A row of its own each time: the one that was replayed counts as stored."""
    item = HookPayload(
        id=payload.id,
        session_id=payload.session_id,
        payload=payload.content,
        occurred_at=payload.occurred_at,
        machine_id=payload.machine_id,
        user=payload.user,
        bound_user=payload.bound_user,
    )
    return DeadLetter(
        journal_entry_id=f"hook:{uuid4()}",
        event_id=payload.id,
        kind=HOOK_KIND,
        request_id=payload.request_id,
        received_at=payload.received_at,
        payload=msgspec.json.encode(item),
    )
