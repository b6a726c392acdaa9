"""One shipper for each person and machine: a lock that ends with the process, and a file that tells hooks that it runs."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from client.capture.folder import make_private_folder, read_pid

# The time of the file is so far ahead. It covers a request that hangs, twice.
AHEAD_SECONDS: Final = 180.0
_EVERY_SECONDS: Final = 20.0
_LOCKED: Final = 1


class ShipperLock:
    """Held from `acquire` until the process ends or `release`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "shipper.pid"
        self._descriptor = -1
        self._shown_at = 0.0

    def acquire(self) -> bool:
        """Whether this process is the shipper now. OSError if the folder cannot be made or written."""
        make_private_folder(self._folder)
        descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        if not _lock(descriptor):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        self.show()
        (self._folder / "starting.pid").unlink(missing_ok=True)
        return True

    def is_another_alive(self) -> bool:
        """Whether the shipper that holds the lock goes on; not if it is about to end."""
        try:
            ahead = self._path.stat().st_mtime - time.time()
        except OSError:
            return False
        return ahead > 0 and read_pid(self._path) is not None

    def show(self) -> None:
        """Tells the hooks that a shipper runs. To be called all the time."""
        now = time.monotonic()
        if self._shown_at and now - self._shown_at < _EVERY_SECONDS:
            return
        self._shown_at = now
        # On a full disk, hooks start shippers in vain; this one makes room.
        with suppress(OSError):
            self._show()

    def _show(self) -> None:
        if read_pid(self._path) != os.getpid():
            self._path.write_text(f"{os.getpid()}\n")
        ahead = time.time() + AHEAD_SECONDS
        os.utime(self._path, (ahead, ahead))

    def hide(self) -> None:
        """From now on a hook starts another shipper."""
        self._path.unlink(missing_ok=True)
        self._shown_at = 0.0

    def release(self) -> None:
        """Lets another process be the shipper."""
        self.hide()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, _LOCKED)  # type: ignore[attr-defined]
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
