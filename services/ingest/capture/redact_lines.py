"""Removes secrets from captured lines before they go onto the journal."""

from services.ingest.events.redact_events import LARGE_BYTES, run
from shared import metrics
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import may_hold_secret


async def without_secrets(text: bytes) -> bytes:
    """The same lines without their secrets, counted by kind. The number of lines stays. Large text that may hold one is redacted in a thread."""
    return await run(_redact, text, in_thread=len(text) > LARGE_BYTES and may_hold_secret(text))


def _redact(text: bytes) -> bytes:
    counts: dict[str, int] = {}
    redacted = redact_lines(text, counts)
    for kind, count in counts.items():
        metrics.REDACTIONS.labels(kind).inc(count)
    return redacted
