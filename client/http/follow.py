"""Waits for work on the server: a scrub, an erasure, an export, a run of retention or of new prices."""

import time
from collections.abc import Callable
from typing import Any, Final

from client.errors import Interrupted
from client.http.server import Server

POLL_SECONDS: Final = 0.5
REPORT_SECONDS: Final = 5.0
ENDED: Final = frozenset({"succeeded", "failed", "cancelled", "expired"})


def follow(
    server: Server,
    path: str,
    named: str,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    *,
    report_seconds: float = REPORT_SECONDS,
    hint: str = "",
) -> dict[str, Any]:
    """Asks `path` until the work has ended and returns its last answer; calls `on_progress` every few seconds.

    Interrupted on Ctrl-C. `named`: what goes on then, as "The scrub 7". `hint`: what a person can do then.
    """
    reported_at = time.monotonic()
    try:
        while True:
            seen: dict[str, Any] = server.ask("GET", path)
            if seen["status"] in ENDED:
                return seen
            if on_progress is not None and time.monotonic() - reported_at >= report_seconds:
                reported_at = time.monotonic()
                on_progress(seen)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(f"{named} continues on the server{hint}.") from None
