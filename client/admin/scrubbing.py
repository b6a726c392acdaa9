"""Scrubs on the server: started, and watched to their end."""

import time
from collections.abc import Callable
from typing import Any, Final

from client.errors import Interrupted
from client.server import Server

POLL_SECONDS: Final = 0.5
SAY_SECONDS: Final = 5.0
ENDED: Final = frozenset({"succeeded", "failed"})

Scrub = dict[str, Any]


def start(server: Server, *, dry_run: bool) -> Scrub:
    """The scrub that was queued."""
    scrub: Scrub = server.ask("POST", "/api/scrubs", {"dry_run": dry_run})
    return scrub


def follow(server: Server, scrub_id: str, on_progress: Callable[[Scrub], None], poll_seconds: float = POLL_SECONDS) -> Scrub:
    """The scrub when it has ended; `on_progress` hears of it now and then. Interrupted on Ctrl-C: it goes on on the server."""
    said_at = time.monotonic()
    try:
        while True:
            scrub: Scrub = server.ask("GET", f"/api/scrubs/{scrub_id}")
            if scrub["status"] in ENDED:
                return scrub
            if time.monotonic() - said_at > SAY_SECONDS:
                said_at = time.monotonic()
                on_progress(scrub)
            time.sleep(poll_seconds)
    except KeyboardInterrupt:
        raise Interrupted(f"The scrub {scrub_id} goes on on the server.") from None


def sentence(scrub: Scrub) -> str:
    """How far it is, for a person."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(scrub["redactions"].items())) or "no secrets"
    changed = "would change" if scrub["dry_run"] else "changed"
    return (
        f"Scrub {scrub['scrub_id']}: {scrub['status']}; {scrub['rows_scanned']:,} rows read, {scrub['rows_changed']:,} {changed}; {kinds}."
    )
