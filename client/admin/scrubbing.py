"""Scrubs on the server: started, and followed to their end."""

import time
from collections.abc import Callable
from typing import Any, Final

from client.errors import Interrupted
from client.http.server import Server
from shared.quantities import counted

POLL_SECONDS: Final = 0.5
REPORT_SECONDS: Final = 5.0
ENDED: Final = frozenset({"succeeded", "failed"})

Scrub = dict[str, Any]


def start(server: Server, *, dry_run: bool) -> Scrub:
    """Starts a scrub and returns it."""
    scrub: Scrub = server.ask("POST", "/api/scrubs", {"dry_run": dry_run})
    return scrub


def follow(server: Server, scrub_id: str, on_progress: Callable[[Scrub], None], poll_seconds: float = POLL_SECONDS) -> Scrub:
    """Waits until the scrub has ended and returns it; calls `on_progress` every few seconds. Interrupted on Ctrl-C."""
    reported_at = time.monotonic()
    try:
        while True:
            scrub: Scrub = server.ask("GET", f"/api/scrubs/{scrub_id}")
            if scrub["status"] in ENDED:
                return scrub
            if time.monotonic() - reported_at > REPORT_SECONDS:
                reported_at = time.monotonic()
                on_progress(scrub)
            time.sleep(poll_seconds)
    except KeyboardInterrupt:
        raise Interrupted(f"The scrub {scrub_id} continues on the server.") from None


_STATES: Final = {"queued": "waits for a worker", "running": "is running", "succeeded": "is done", "failed": "failed; run it again"}


def sentence(scrub: Scrub) -> str:
    """The state of a scrub, for a person."""
    secrets = ", ".join(f"{count:,} {kind}" for kind, count in sorted(scrub["redactions"].items())) or "none"
    changed = "would change" if scrub["dry_run"] else "changed"
    state = _STATES.get(scrub["status"], scrub["status"])
    lines = [
        f"The scrub {state}: {counted(scrub['rows_scanned'], 'row')} read, {scrub['rows_changed']:,} {changed}. Secrets found: {secrets}."
    ]
    # A server of an older release does not say it.
    if scrub["status"] == "succeeded" and (remains := scrub.get("remains")):
        lines += ["What it could not reach:", *(f"  {name}: {why}" for name, why in sorted(remains.items()))]
    return "\n".join(lines)
