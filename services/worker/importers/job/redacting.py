"""What an importer reads, without secrets: between the readers and everything that stores, for all kinds of files and records alike.

The ids of records are of what stood in the file, so they stay what they are with or without it.
"""

from collections.abc import Iterator

from services.worker.importers.job.chunks import Chunk
from services.worker.persist.records import RecordError
from shared.redaction.redact import redact_text
from shared.redaction.redacted_structs import redact_structs


def redacted(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same chunks, redacted in place."""
    for chunk in chunks:
        redact(chunk)
        yield chunk


def redact(chunk: Chunk) -> None:
    """Its records, and what is said of those that were left out: names of files and types are the file's own words too."""
    redact_structs(chunk.records, chunk.redactions)
    chunk.errors = [(redact_text(name), _redacted(error)) for name, error in chunk.errors]
    chunk.unknown_records = {redact_text(kind): count for kind, count in chunk.unknown_records.items()}


def _redacted(error: RecordError) -> RecordError:
    return RecordError(code=error.code, message=redact_text(error.message), line=error.line, offset=error.offset)
