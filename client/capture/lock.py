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
# No number of a process is longer.
_WORD_CHARACTERS: Final = 15


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
        # The number may be that of another process by the time that this one has ended.
        with suppress(OSError):
            _overwrite(self._folder / "starting.pid", "-")
        return True

    def is_another_alive(self) -> bool:
        """Whether the shipper that holds the lock goes on; not if it is about to end."""
        return running_shipper(self._folder) is not None

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
            _overwrite(self._path, str(os.getpid()))
        ahead = time.time() + AHEAD_SECONDS
        os.utime(self._path, (ahead, ahead))

    def hide(self) -> None:
        """From now on a hook starts another shipper."""
        with suppress(FileNotFoundError):
            os.utime(self._path, (0, 0))
        self._shown_at = 0.0

    def release(self) -> None:
        """Lets another process be the shipper."""
        self.hide()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def running_shipper(folder: Path) -> int | None:
    """The process of the shipper that runs. Without a time in the future the number may be that of another process by now."""
    path = folder / "shipper.pid"
    try:
        return read_pid(path) if path.stat().st_mtime > time.time() else None
    except OSError:
        return None


def _overwrite(path: Path, word: str) -> None:
    """Writes the file's one word into the block that it has: a full disk gives no other, and hooks would start shippers in vain."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        os.write(descriptor, f"{word:<{_WORD_CHARACTERS}}\n".encode())
    finally:
        os.close(descriptor)


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
