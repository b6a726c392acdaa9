"""A job's report of records that it could not read or store: entries of its `errors`, and counts of its `skipped_records`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from services.worker.persist.dead_letters import Outcome
from services.worker.persist.ownership import session_of
from services.worker.persist.records import RecordError
from services.worker.persist.staging.staging_tables import ReceivedEvent
from shared.archive.stored_pieces import ContentMissing, ContentUnreadable
from shared.redaction.redact import redact_text

# Reasons for which a record that was read is left out, in the job's `skipped_records`.
OF_ANOTHER_USER: Final = "another user's"
OF_ANOTHER_PROJECT: Final = "another project's"
NOT_STORABLE: Final = "not storable"
ERASED: Final = "erased or expired"
# The rows that the other tracker of an export erased or dropped, and this one has.
TOMBSTONES_OF_SESSIONS_HERE: Final = "tombstones of sessions that are here"


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


def of_unreadable_content(name: str, error: ContentUnreadable) -> dict[str, Any]:
    """For a transcript that a reparse cannot read."""
    message = (
        f"{error} No row of the session is removed. Restore the archive's folder, or import the transcript again; then reparse the session."
    )
    return {
        "file": redact_text(name),
        "code": "CONTENT_MISSING" if isinstance(error, ContentMissing) else "CONTENT_DAMAGED",
        "message": message,
    }


def of_rows_without_content(session_id: str, rows: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """For rows, by table, that a reparse keeps since no content that it read names them."""
    if rows:
        counts = ", ".join(f"{count} of {table}" for table, count in sorted(rows.items()))
        message = (
            f"Rows of session {session_id} stay although today's reader does not give them: no archived content names them ({counts})."
        )
        yield {"code": "ROWS_WITHOUT_CONTENT", "message": message}


def of_too_many_removed(removed: int, most: int, of_session: Mapping[str, int]) -> dict[str, Any]:
    """For a reparse that stops before it removes more rows than it may."""
    counts = ", ".join(f"{name} {count}" for name, count in sorted(of_session.items()))
    message = f"Stopped: it would have removed {removed} rows, and may remove {most}. Of the session that it was at: {counts}."
    return {"code": "TOO_MANY_REMOVED", "message": message}


def not_stored(outcome: Outcome) -> dict[str, int]:
    """{reason: number} of records that were read and not stored."""
    return dict(Counter([*map(_owner, outcome.foreign), *(NOT_STORABLE for _ in outcome.dead), *(ERASED for _ in outcome.left_out)]))
