"""A column's value without secrets, by the kind of the column. Each function returns the same object if there is no secret in it."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from shared.redaction.file_names import redacted_file_name
from shared.redaction.redact import redact_bytes, redact_text
from shared.redaction.redacted_structs import may_hold_secret, redact_value, redacted_parts


def scrubbed_text(text: str, redactions: Counter[str]) -> str:
    """A text."""
    return redact_text(text, redactions)


def scrubbed_texts(texts: list[str], redactions: Counter[str]) -> list[str]:
    """Texts, such as tags."""
    scrubbed = [redact_text(text, redactions) for text in texts]
    return texts if scrubbed == texts else scrubbed


def scrubbed_parts(text: str, cut_at: int, redactions: Counter[str]) -> tuple[str, int]:
    """A text with something left out in its middle: its parts are texts of their own. Gives the place between them too."""
    beginning, end = redacted_parts(text, cut_at, redactions)
    scrubbed = beginning + end
    return (text, cut_at) if scrubbed == text else (scrubbed, len(beginning))


def scrubbed_json(text: str, redactions: Counter[str]) -> str:
    """JSON. Without a secret it stays byte for byte; otherwise it is encoded again, compactly."""
    scrubbed = _scrubbed_json(text.encode(), redactions)
    return text if scrubbed is None else scrubbed.decode()


def scrubbed_bytes(payload: bytes, redactions: Counter[str]) -> bytes:
    """A dead letter: an event or a journal entry in JSON, or the bytes of an entry that is not JSON."""
    try:
        scrubbed = _scrubbed_json(payload, redactions)
    except (ValueError, RecursionError):
        return redact_bytes(payload, redactions)
    return payload if scrubbed is None else scrubbed


def scrubbed_file_name(name: str, redactions: Counter[str]) -> str:
    """The name of a transcript, which keeps its form."""
    return redacted_file_name(name, redactions)


def scrubbed_uploads(text: str, redactions: Counter[str]) -> str:
    """The uploads of a job, in JSON: their names. Where they are in the store stays, or the job would not find them."""
    files: list[dict[str, Any]] = msgspec.json.decode(text)
    names = [redact_text(file["name"], redactions) for file in files]
    if all(name is file["name"] for name, file in zip(names, files, strict=True)):
        return text
    return msgspec.json.encode([file | {"name": name} for name, file in zip(names, files, strict=True)]).decode()


def _scrubbed_json(text: bytes, redactions: Counter[str]) -> bytes | None:
    if not may_hold_secret(text):
        return None
    value = msgspec.json.decode(text)
    scrubbed = redact_value(value, redactions)
    return None if scrubbed is value else msgspec.json.encode(scrubbed)


# {kind of a column: what makes a value without secrets}. JSON, of either type, is read as text.
KINDS: Final[Mapping[str, Callable[[Any, Counter[str]], Any]]] = {
    "text": scrubbed_text,
    "json": scrubbed_json,
    "bytea": scrubbed_bytes,
    "text[]": scrubbed_texts,
    "file_name": scrubbed_file_name,
    "uploads": scrubbed_uploads,
}
