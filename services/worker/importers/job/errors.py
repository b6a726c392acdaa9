"""What a job says of records that it could not read or store: entries of its `errors`, and counts of its `skipped_records`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from services.worker.persist.foreign_records import session_of
from services.worker.persist.records import Record, RecordError
from services.worker.persist.staging import ReceivedEvent

# Reasons for which a record that was read is left out, in the job's `skipped_records`.
OF_ANOTHER_USER: Final = "another user's"
NOT_STORABLE: Final = "not storable"


def of_reading(found: Iterable[tuple[str, RecordError]]) -> Iterator[dict[str, Any]]:
    """For parts of files that cannot be used, each with the name of its file."""
    for file_name, error in found:
        place = {name: value for name in ("line", "offset") if (value := getattr(error, name)) is not None}
        yield {"file": file_name, **place, "code": error.code, "message": error.message}


def of_foreign_records(foreign: Sequence[Record]) -> Iterator[dict[str, Any]]:
    """One for each session."""
    why = "were left out: they are another user's; import them with a key of that user, or with one that is bound to none."
    for session_id, count in Counter(map(session_of, foreign)).items():
        message = f"{count} records {f'of session {session_id}' if session_id else 'without a session'} {why}"
        yield {"code": "SESSION_OF_ANOTHER_USER", "message": message}


def of_dead_letters(dead: Sequence[ReceivedEvent]) -> Iterator[dict[str, Any]]:
    """One for each."""
    for received in dead:
        message = f"A record could not be stored; see the dead letter of event {received.event.id}."
        yield {"code": "NOT_STORABLE", "message": message}


def left_out(foreign: Sequence[Record], dead: Sequence[ReceivedEvent]) -> dict[str, int]:
    """{reason: number} of records that were read and not stored."""
    return {reason: count for reason, count in ((OF_ANOTHER_USER, len(foreign)), (NOT_STORABLE, len(dead))) if count}
