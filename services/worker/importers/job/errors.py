"""What a job says of records that it could not read or store: entries of its `errors`, and counts of its `skipped_records`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from services.worker.persist.ownership import session_of
from services.worker.persist.records import RecordError
from services.worker.persist.staging import ReceivedEvent

# Reasons for which a record that was read is left out, in the job's `skipped_records`.
OF_ANOTHER_USER: Final = "another user's"
OF_ANOTHER_PROJECT: Final = "another project's"
NOT_STORABLE: Final = "not storable"


def of_reading(found: Iterable[tuple[str, RecordError]]) -> Iterator[dict[str, Any]]:
    """For parts of files that cannot be used, each with the name of its file."""
    for file_name, error in found:
        place = {name: value for name in ("line", "offset") if (value := getattr(error, name)) is not None}
        yield {"file": file_name, **place, "code": error.code, "message": error.message}


def of_foreign_records(foreign: Sequence[ReceivedEvent]) -> Iterator[dict[str, Any]]:
    """One for each session."""
    for (session_id, owner), count in Counter((session_of(each.event), _owner(each)) for each in foreign).items():
        whose, code = ("user", "SESSION_OF_ANOTHER_USER") if owner == OF_ANOTHER_USER else ("project", "SESSION_OF_ANOTHER_PROJECT")
        why = f"were left out: they are {owner}; import them with a key of that {whose}, or with one that is bound to none."
        yield {"code": code, "message": f"{count} records {f'of session {session_id}' if session_id else 'without a session'} {why}"}


def _owner(foreign: ReceivedEvent) -> str:
    return OF_ANOTHER_USER if foreign.bound is not None and foreign.bound.user is not None else OF_ANOTHER_PROJECT


def of_dead_letters(dead: Sequence[ReceivedEvent]) -> Iterator[dict[str, Any]]:
    """One for each."""
    for received in dead:
        message = f"A record could not be stored; see the dead letter of event {received.event.id}."
        yield {"code": "NOT_STORABLE", "message": message}


def left_out(foreign: Sequence[ReceivedEvent], dead: Sequence[ReceivedEvent]) -> dict[str, int]:
    """{reason: number} of records that were read and not stored."""
    return dict(Counter([*map(_owner, foreign), *(NOT_STORABLE for _ in dead)]))
