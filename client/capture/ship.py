"""`tracker ship`, without the imports of the other commands: a hook starts it, so it must be there at once and small."""

import math
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from client.capture.folder import capture_folder, read_object
from client.capture.lock import ShipperLock
from client.capture.modes import Mode
from client.capture.shipper import QUIET_SECONDS, SCAN_REQUEST, Shipper
from client.errors import DONE, FAILED, UNREACHABLE
from client.http.address import InvalidKey, InvalidUrl
from client.http.connection import ServerAway

# A shipper that is about to end holds the lock a little longer.
_LOCK_SECONDS: Final = 5.0
_LOCK_EVERY_SECONDS: Final = 0.05
_ONCE_EVERY_SECONDS: Final = 0.1


class _Stopped(Exception):
    """SIGTERM or SIGINT."""


def ship(mode: Mode, within_seconds: float, environment: Mapping[str, str], home: Path, *, quiet_seconds: float = QUIET_SECONDS) -> int:
    """Runs the shipper; the exit code. `within_seconds` bounds the mode "once", `quiet_seconds` ends "until-quiet"."""
    folder = capture_folder(environment, home)
    _detach(mode)
    lock = ShipperLock(folder)
    deadline = time.monotonic() + within_seconds
    try:
        began = time.time()
        is_asked = False
        while not lock.acquire():
            if mode == "until-quiet" and lock.is_another_alive():
                return DONE
            if mode == "once" and not is_asked:
                (folder / SCAN_REQUEST).touch()
                is_asked = True
            if mode == "once" and (ended := _by_another(folder, began, deadline)) is not None:
                return ended
            if mode == "until-quiet" and time.time() - began > _LOCK_SECONDS:
                return DONE
            time.sleep(_LOCK_EVERY_SECONDS)
        try:
            shipper = Shipper(folder, environment, home)
            if mode == "once":
                return _once(shipper, lock, deadline)
            return _run(shipper, lock, math.inf if mode == "forever" else quiet_seconds)
        finally:
            lock.release()
    except _Stopped:
        return DONE
    except (OSError, InvalidUrl, InvalidKey) as error:
        print(f"tracker ship: {error}", file=sys.stderr)  # noqa: T201
        return FAILED


def _run(shipper: Shipper, lock: ShipperLock, quiet_seconds: float) -> int:
    """Until nothing has happened for so long, no turn goes on, and everything is sent."""
    while True:
        lock.show()
        shipper.tick()
        shipper.write_status()
        if time.monotonic() - shipper.busy_at > quiet_seconds and not shipper.is_awaited and shipper.is_all_sent:
            lock.hide()
            # A hook that saw the file before it went has put its payload into the spool by now.
            if shipper.is_all_sent:
                _say_goodbye(shipper)
                return DONE
        time.sleep(shipper.poll_seconds())


def _once(shipper: Shipper, lock: ShipperLock, deadline: float) -> int:
    """Until everything is sent that is there, or the time is over."""
    while True:
        lock.show()
        shipper.tick()
        is_all_sent = not shipper.pause.has_failed and shipper.is_all_sent
        if is_all_sent or shipper.is_key_refused or time.monotonic() > deadline:
            _say_goodbye(shipper)
            return DONE if is_all_sent else _tell(shipper.error, is_refused=shipper.is_key_refused)
        time.sleep(min(_ONCE_EVERY_SECONDS, shipper.poll_seconds()))


def _say_goodbye(shipper: Shipper) -> None:
    """The last report and status."""
    if not shipper.pause.has_failed:
        # Everything is sent; if the server has gone since, it hears of this machine next time.
        with suppress(ServerAway):
            shipper.report()
    shipper.write_status(is_forced=True)


def _by_another(folder: Path, began: float, deadline: float) -> int | None:
    """Asks the shipper that runs to look at everything now. The exit code once it has sent it; None as long as it has not."""
    request, status = folder / SCAN_REQUEST, read_object(folder / "status.json")
    at = status.get("at")
    if isinstance(at, float) and at > began and not request.exists() and status.get("is_all_sent"):
        return DONE
    if time.monotonic() > deadline:
        request.unlink(missing_ok=True)
        return _tell(status.get("last_error"), is_refused=bool(status.get("is_key_refused")))
    return None


def _tell(error: str | None, *, is_refused: bool) -> int:
    print(error or "Not everything could be sent in time; `tracker ship` goes on with the next hook.", file=sys.stderr)  # noqa: T201
    return FAILED if is_refused or error is None else UNREACHABLE


def _detach(mode: Mode) -> None:
    """From the folder and the limits of what started it; if that was a hook, also from its session."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    if os.name == "nt":
        return
    import resource  # noqa: PLC0415  # not on Windows

    # The hook limits the size of what it writes.
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    os.umask(0o077)
    if mode == "until-quiet" and not (sys.stdin and sys.stdin.isatty()) and os.getpid() != os.getpgrp():
        os.setsid()
        os.chdir("/")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped
