"""A file as records: by the reader of its format, without what cannot be true."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO

from services.worker.importers.formats.claude_json import read_claude_json
from services.worker.importers.formats.history import read_history
from services.worker.importers.formats.plausible_records import Found, plausible
from services.worker.importers.formats.sessions_index import read_sessions_index
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.persist.derived_values.cut_results import ALL
from services.worker.persist.records import KeptResults
from shared.claude_formats.upload_kinds import Kind


def read_records(
    content: IO[bytes], kind: Kind, user: str | None, idle_gap: timedelta, accepted_at: datetime, kept_results: KeptResults = ALL
) -> Iterator[Found]:
    """The plausible records of a file, by its format. `accepted_at` is when the job was. ValueError for a kind that has no reader."""
    match kind:
        case "claude_json":
            found = read_claude_json(content, user=user)
        case "transcript":
            found = read_transcript(content, user=user, idle_gap=idle_gap, kept_results=kept_results)
        case "history":
            found = read_history(content, user=user)
        case "sessions_index":
            found = read_sessions_index(content, user=user)
        case _:
            raise ValueError(f"No importer reads a file of kind {kind}.")
    return plausible(found, accepted_at)
