"""What scrubbing makes of a column's value: the very same object if nothing in it is a secret."""

from collections import Counter

import msgspec

from shared.redaction.redact import redact_bytes, redact_text
from shared.redaction.redacted_structs import may_hold_secret, redact_value


def scrubbed_text(text: str, redactions: Counter[str]) -> str:
    """Of a text."""
    return redact_text(text, redactions)


def scrubbed_json(text: str, redactions: Counter[str]) -> str:
    """Of JSON. What has nothing to redact stays byte for byte; the rest is written again, compactly."""
    scrubbed = _scrubbed_json(text.encode(), redactions)
    return text if scrubbed is None else scrubbed.decode()


def scrubbed_bytes(payload: bytes, redactions: Counter[str]) -> bytes:
    """Of a dead letter: an event or an entry of the journal in JSON, or bytes that are no JSON and are why it is dead."""
    try:
        scrubbed = _scrubbed_json(payload, redactions)
    except (ValueError, RecursionError):
        return redact_bytes(payload, redactions)
    return payload if scrubbed is None else scrubbed


def _scrubbed_json(text: bytes, redactions: Counter[str]) -> bytes | None:
    if not may_hold_secret(text):
        return None
    value = msgspec.json.decode(text)
    scrubbed = redact_value(value, redactions)
    return None if scrubbed is value else msgspec.json.encode(scrubbed)
