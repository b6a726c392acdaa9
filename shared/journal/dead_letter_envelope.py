"""A dead letter on its way back through the journal: what ingest puts there, and the worker takes for the letter's own entry, delivered again.

It is the payload of a journal entry, beside envelopes. What died is in it byte for byte, so that nothing is lost that cannot be read.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from msgspec import Struct

# Kind of a letter that is a whole journal entry: one that could not be read, or that killed its worker.
WHOLE_ENTRY: Final = "journal_entry"
# Why an event is a letter whose id another event has. Its row is not its event: only a replay that is stored settles it.
ID_TAKEN: Final = "its id is another event's; it was not stored, send it under an id of its own"
# No envelope begins like this.
_BEGINNING: Final = b'{"dead_letter":'


class DeadLetter(Struct, omit_defaults=True, kw_only=True):
    """What died. `journal_entry_id` and `event_id` are the letter's key: whatever becomes of it, it is one row.

    `journal_entry_id` is the entry's in which it first came, or `import:` and the job's id. `payload` is one event in JSON, a record of an
    import as its kind says, or for a WHOLE_ENTRY whatever was in the journal.
    """

    journal_entry_id: str
    event_id: UUID | None = None
    kind: str
    request_id: str | None = None
    received_at: datetime | None = None
    payload: bytes


class _Events(Struct):
    events: list[msgspec.Raw]


class _Replay(Struct):
    dead_letter: DeadLetter


def encode_replay(letter: DeadLetter) -> bytes:
    """The bytes of a journal entry."""
    return msgspec.json.encode(_Replay(letter))


def decode_replay(payload: bytes) -> DeadLetter | None:
    """The letter of a journal entry; None if it is no replay. ValueError if it is one that cannot be read."""
    if not payload.startswith(_BEGINNING):
        return None
    return msgspec.json.decode(payload, type=_Replay).dead_letter


def events_in(letter: DeadLetter) -> int:
    """For how many events its replay is accepted: as many as the worker will find in it. What has none that can be told apart counts as one."""
    if letter.kind != WHOLE_ENTRY:
        return 1
    try:
        return len(msgspec.json.decode(letter.payload, type=_Events).events)
    except (ValueError, RecursionError):
        return 1
