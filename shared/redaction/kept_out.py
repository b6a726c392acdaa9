"""Which texts are kept out: a list in Postgres, which every process that redacts reads when Redis says that it has changed.

Without a list nothing is looked for. A key in Redis has the time of the last change; if Redis has lost it, the list is read again.
"""

import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from shared.redaction import given_texts
from shared.redaction.text_fingerprints import Fingerprint, KeptOutTexts

CHANGED_KEY: Final = "kept-out:changed"
FINGERPRINTS: Final = "SELECT fingerprint FROM kept_out_texts ORDER BY id"
# How often a process asks Redis; and Postgres, if Redis says nothing.
ASK_SECONDS: Final = 1.0
READ_SECONDS: Final = 60.0
# After this time every process knows of a change.
KNOWN_SECONDS: Final = 4 * ASK_SECONDS


def noted_change(redis: Any) -> Any:
    """Tells all processes to read the list again. The answer of an asynchronous client is to be awaited."""
    return redis.set(CHANGED_KEY, str(time.time_ns()))


class KnownList:
    """A process' knowledge of the list, and whether it is time to look."""

    def __init__(self) -> None:
        self._changed: bytes | str | None = None
        self._asked_at = self._read_at = -READ_SECONDS

    def is_due(self) -> bool:
        """Whether to ask Redis for the time of the last change. Asking begins here."""
        now = time.monotonic()
        if now - self._asked_at < ASK_SECONDS:
            return False
        self._asked_at = now
        return True

    def must_read(self, changed: bytes | str | None) -> bool:
        """Whether to read the list, given what Redis has."""
        return changed != self._changed or time.monotonic() - self._read_at >= READ_SECONDS

    def take(self, fingerprints: Sequence[bytes], changed: bytes | str | None) -> None:
        """From now on these texts are kept out of this process. `changed` is what Redis had before they were read."""
        self._changed, self._read_at = changed, time.monotonic()
        known = [msgspec.msgpack.decode(each, type=Fingerprint) for each in fingerprints]
        given_texts.keep_out(KeptOutTexts(known) if known else None)
