"""Refusals that keep the shipper from sending, and for how long."""

import random
import time
from typing import Final

from client.http.connection import Answer

_FIRST_SECONDS: Final = 0.5
_LONGEST_SECONDS: Final = 60.0
# A key that is refused is not tried often: only a person can change that.
_REFUSED_SECONDS: Final = 300.0
_LONGEST_ASKED_SECONDS: Final = 600.0
_KEY_REFUSED: Final = (401, 403)
_GONE: Final = 410
# Nothing that is sent now is taken: a proxy without a server, a server without these endpoints, a full journal.
_LATER: Final = (404, 405, 408, 425, 429)


class Later(Exception):
    """Nothing can be sent for now. The text says why."""

    def __init__(self, reason: str, *, retry_after: float | None = None, is_key_refused: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.is_key_refused = is_key_refused


class Rejected(Exception):
    """The server takes everything but this."""


class Erased(Rejected):
    """It was erased on the server, or is kept no longer. It needs no act of a person: it is not sent again."""


def check(answer: Answer) -> Answer:
    """The answer, if it is 2xx or a conflict. Raises Later or Rejected."""
    if 200 <= answer.status < 300 or answer.status == 409:
        return answer
    if answer.status == 403 and "session_id" in (answer.body.get("details") or {}):
        raise Rejected(f"The server answered {answer.message}")
    if answer.status == _GONE and answer.body.get("code") == "ERASED":
        raise Erased(f"The server answered {answer.message}")
    if answer.status in _KEY_REFUSED:
        raise Later(f"The server refuses the key: {answer.message}", is_key_refused=True)
    if answer.status >= 500 or answer.status in _LATER:
        raise Later(f"The server answered {answer.message}", retry_after=answer.retry_after)
    raise Rejected(f"The server answered {answer.message}")


class Pause:
    """Pauses that become longer, with jitter, so that many machines do not come back at once."""

    def __init__(self) -> None:
        self._failures = 0
        self._until = 0.0

    def begin(self, later: Later) -> None:
        """Starts a pause."""
        growing = min(_FIRST_SECONDS * 2 ** min(self._failures, 20), _LONGEST_SECONDS)
        seconds = _REFUSED_SECONDS if later.is_key_refused else growing
        self._failures += 1
        seconds *= random.uniform(0.5, 1.0)  # noqa: S311
        if later.retry_after is not None:
            seconds = max(seconds, min(later.retry_after, _LONGEST_ASKED_SECONDS))
        self._until = time.monotonic() + seconds

    def end(self) -> None:
        """Ends the pause: something was sent, or the settings changed."""
        self._failures, self._until = 0, 0.0

    @property
    def is_on(self) -> bool:
        """Whether to wait still."""
        return time.monotonic() < self._until

    @property
    def has_failed(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0
