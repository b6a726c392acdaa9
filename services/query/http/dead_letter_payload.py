"""A dead letter's payload as it is shown: as text, without secrets, and cut if it is long."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from shared.redaction.redact import redact_text

MAX_SHOWN_CHARACTERS: Final = 64 * 1024
# Bytes that are read of a longer payload. They go beyond the cut, so that a secret that begins before it is recognized.
_MAX_READ_BYTES: Final = 4 * 1024**2


class ShownPayload(Struct, frozen=True):
    payload: str
    payload_is_cut: bool


def shown(payload: bytes) -> ShownPayload:
    """Bytes that are not UTF-8, and control characters other than white space, become `\\xNN`."""
    text = _as_json(payload) or payload[:_MAX_READ_BYTES].decode("utf-8", "backslashreplace")
    redacted = redact_text(text).translate(_CONTROLS)
    is_cut = len(redacted) > MAX_SHOWN_CHARACTERS or len(payload) > _MAX_READ_BYTES
    return ShownPayload(redacted[:MAX_SHOWN_CHARACTERS], is_cut)


def _as_json(payload: bytes) -> str | None:
    """Its texts redacted after decoding, since a private key is recognized by its line ends. None if it is not JSON."""
    if len(payload) > _MAX_READ_BYTES:
        return None
    try:
        return msgspec.json.encode(_redacted(msgspec.json.decode(payload))).decode()
    except (ValueError, RecursionError):
        return None


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {redact_text(name): _redacted(item) for name, item in value.items()}
    return value


_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127) if chr(code) not in "\t\n\r"}
