"""A test event through the whole way: the installed hook, the spool, the shipper, the server."""

import json
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from client.capture.folder import read_object
from client.capture.shipper import SCAN_REQUEST
from client.connect.own_files import stored_config
from client.connect.places import Places
from client.errors import Failure
from client.http.server import Server

# No event of Claude Code: the server counts and drops it, so no session appears in anybody's statistics.
TEST_EVENT: Final = "TrackerTest"
_HOOK_SECONDS: Final = 10
_POLL_SECONDS: Final = 0.1


class NotArrived(Failure):
    """The test event did not reach the server."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """`seconds` from the hook to the server's word for it. `is_seen`: the server lists the machine; a key may lack the right to read that."""

    seconds: float
    is_seen: bool


def send_test_event(places: Places, server: Server, wait_seconds: float) -> Arrived:
    """Runs the installed hook with a payload, and waits until the server has it. Raises NotArrived."""
    # The server's times are compared with each other, never with this machine's.
    before = machine_of(places, server)
    spooled = spool(places)
    return wait_for(places, server, spooled, before, wait_seconds)


def wait_for(places: Places, server: Server, spooled: list[Path], before: dict[str, Any] | None, wait_seconds: float) -> Arrived:
    """Waits until the shipper has sent these files, and the server has heard of the machine since `before`. Raises NotArrived."""
    started = time.monotonic()
    until = started + wait_seconds
    # A shipper that runs reports the machine now, not in some minutes.
    (places.capture / SCAN_REQUEST).touch(0o600)
    while any(path.exists() for path in spooled):
        if time.monotonic() > until:
            raise NotArrived(f"The test event is still in {places.spool}: {_shipper_error(places)}.")
        time.sleep(_POLL_SECONDS)
    if before is None:
        return Arrived(time.monotonic() - started, is_seen=False)
    while _heard(machine_of(places, server) or {}) <= _heard(before):
        if time.monotonic() > until:
            raise NotArrived("The test event was sent, but the server does not list it; `tracker verify` on the server says why.")
        time.sleep(_POLL_SECONDS)
    return Arrived(time.monotonic() - started, is_seen=True)


def _shipper_error(places: Places) -> str:
    error = read_object(places.capture / "status.json").get("last_error")
    return str(error).rstrip(".") if error else "the shipper has not sent it; `tracker doctor` says why"


def spool(places: Places) -> list[Path]:
    """The files that the hook wrote for a test event. Raises NotArrived if it wrote none."""
    nonce = secrets.token_hex(16)
    # Without a folder: that may be one of those that are left out.
    payload = {"hook_event_name": TEST_EVENT, "session_id": nonce}
    former = _files(places)
    if os.name != "nt" and not places.script.is_file():
        raise NotArrived(f"there is no {places.script}")
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "client", "hook"] if os.name == "nt" else ["/bin/sh", str(places.script), str(places.capture)],
            cwd=places.home,
            input=json.dumps(payload).encode() + b"\n",
            env=dict(places.environment),
            capture_output=True,
            timeout=_HOOK_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotArrived(f"{places.script} could not be run: {error}") from None
    if ended.returncode != 0 or ended.stdout or ended.stderr:
        said = (ended.stderr or ended.stdout).decode(errors="replace").strip()[:200]
        raise NotArrived(f"{places.script} ended with exit code {ended.returncode} and said {said!r}; it must be silent. Connect again.")
    # None: the shipper has sent it already.
    spooled = sorted(_files(places) - former)
    if not spooled and not (os.access(places.spool, os.W_OK | os.X_OK) and not (places.capture / "full").exists()):
        raise NotArrived(f"{places.script} could not write into {places.spool}. Make it writable for you, and see that it is not full.")
    return spooled


def _files(places: Places) -> set[Path]:
    return set(places.spool.glob("*")) if places.spool.is_dir() else set()


def machine_of(places: Places, server: Server) -> dict[str, Any] | None:
    """This machine as the server lists it; an empty one if it does not. None if the key may not ask."""
    machine_id = stored_config(places.config).get("machine_id")
    try:
        answer = server.ask("GET", "/api/machines?limit=1000")
    except Failure:
        return None
    found = [machine for machine in answer.get("items", []) if machine.get("machine_id") == machine_id]
    return found[0] if found else {}


def _heard(machine: dict[str, Any]) -> datetime:
    told = machine.get("last_heard_at")
    return datetime.fromisoformat(told) if told else datetime.now(UTC) - timedelta(days=36500)
