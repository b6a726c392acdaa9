"""Which rows of a file are another session's: the file of a fork begins with a copy of its parent's rows, under the fork's session id.

`/branch` marks each of them. `--fork-session` does not. But Claude Code writes the file when the fork's first prompt comes, and what belongs to that
prompt stands before the copy: its file-history-snapshot, or the queue-operation of `claude -p`. The rows that are older are the copy.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from services.worker.importers.formats.sanitize import time_or_none
from services.worker.importers.formats.transcript.transcript_rows import NOTHING, Row

# Hooks at a session's start may have a record from before its first prompt.
START_HOOKS: Final = timedelta(seconds=5)
BEFORE_ROWS: Final = frozenset({"file-history-snapshot", "queue-operation"})
# For a file that does not say when it was begun, as `/branch` writes it.
UNKNOWN_BEGIN: Final = datetime.max.replace(tzinfo=UTC)


class _Snapshot(Struct):
    timestamp: datetime | None = None


class CopiedRows:
    """Looks at the records of a file in their order, until the first that is the session's own."""

    def __init__(self) -> None:
        self._is_over = self._has_copies = False
        # When the file was begun, and the prompt that it was begun for, as far as is known.
        self._begun_at: datetime | None = None
        self._prompt: str | None = None

    def look_before(self, row: Row) -> None:
        """A record of BEFORE_ROWS. Those behind rows belong to later prompts."""
        if self._is_over or self._has_copies:
            return
        at = time_or_none(row.timestamp) or _time_of(row)
        if at is not None and (self._begun_at is None or at > self._begun_at):
            self._begun_at, self._prompt = at, row.message_id

    def copied_at(self, row: Row, time: datetime | None) -> datetime | None:
        """When the file was begun that copied the row; None: it is no copy.

        Once a row is no copy, no later one is: rows of a session are not always in the order of their times.
        """
        if not self._is_over:
            self._is_over = not self._is_copied(row, time)
            self._has_copies = self._has_copies or not self._is_over
        return None if self._is_over else self._begun_at or UNKNOWN_BEGIN

    def _is_copied(self, row: Row, time: datetime | None) -> bool:
        if row.forked_from is not None and row.forked_from.session_id:
            return row.forked_from.session_id != row.session_id
        if self._begun_at is None or row.uuid == self._prompt:
            return False
        if time is None:
            return self._has_copies
        margin = timedelta() if self._has_copies or row.type in ("user", "assistant") else START_HOOKS
        return time < self._begun_at - margin


def _time_of(row: Row) -> datetime | None:
    if row.snapshot == NOTHING:
        return None
    try:
        return time_or_none(msgspec.json.decode(row.snapshot, type=_Snapshot).timestamp)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
