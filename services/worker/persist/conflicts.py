"""Finds events that came over the wire with the id of another event. They were not stored, and are not duplicates.

An event is another one if its session or kind differs. So is one with other content, as long as only a client sent the row. Versions of a row
that a file has brought too differ, so only their common part is compared (Identity in event_kind_rows.py). Two events in different tables may
have the same id.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from services.worker.persist.staging.event_kind_rows import IDENTITIES, identity_of
from services.worker.persist.staging.staging_tables import ReceivedEvent
from shared.events.event_kinds import KINDS
from shared.events.messages import Event

_Rows = dict[UUID, tuple[Any, ...]]


def conflicting(connection: Connection[Any], batch: Sequence[ReceivedEvent]) -> list[ReceivedEvent]:
    """The events of a stored batch that have the id of another event."""
    rows = {table: _rows(connection, table, events) for table, events in _by_table(batch).items()}
    return [received for received in batch if isinstance(received.event, Event) and _is_another(received, rows)]


def _by_table(batch: Iterable[ReceivedEvent]) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    for received in batch:
        if isinstance(received.event, Event):
            found.setdefault(KINDS[type(received.event)].table, []).append(received.event)
    return found


def _rows(connection: Connection[Any], table: str, events: Iterable[Event]) -> _Rows:
    found = connection.execute(IDENTITIES[table].encode(), {"ids": [event.id for event in events]}).fetchall()
    return {row[0]: row[1:] for row in found}


def _is_another(received: ReceivedEvent, rows: dict[str, _Rows]) -> bool:
    event = received.event
    assert isinstance(event, Event)
    assert event.id is not None
    row = rows[KINDS[type(event)].table].get(event.id)
    if row is None:
        # Left out, since a transcript already has it.
        return False
    session_id, is_clients_alone, what, detail = row
    identity = identity_of(event)
    is_of_session = received.is_session_inferred or event.session_id in (session_id, None)
    is_same = identity.what == what and (not is_clients_alone or None in (identity.detail, detail) or identity.detail == detail)
    return not (is_of_session and is_same)
