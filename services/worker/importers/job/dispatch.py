"""Which importer reads a file, by what it is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO

from services.worker.importers.formats.claude_json import read_claude_json
from services.worker.importers.formats.history import read_history
from services.worker.importers.formats.plausible_records import plausible
from services.worker.importers.formats.sessions_index import read_sessions_index
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.records import FileSummary, Record, RecordError
from shared.upload_kinds import Kind


def read(
    content: IO[bytes], kind: Kind, user: str | None, idle_gap: timedelta, accepted_at: datetime
) -> Iterator[Record | RecordError | FileSummary]:
    """The records of a file that is no archive, of a job that was accepted then. ValueError for a kind that no importer reads."""
    return plausible(_read(content, kind, user, idle_gap), accepted_at)


def _read(content: IO[bytes], kind: Kind, user: str | None, idle_gap: timedelta) -> Iterator[Record | RecordError | FileSummary]:
    match kind:
        case "claude_json":
            return read_claude_json(content, user=user)
        case "transcript":
            return read_transcript(content, user=user, idle_gap=idle_gap)
        case "history":
            return read_history(content, user=user)
        case "sessions_index":
            return read_sessions_index(content, user=user)
        case _:
            raise ValueError(f"No importer reads a file of kind {kind}.")
