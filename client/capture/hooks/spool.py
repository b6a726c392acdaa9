"""The spool: a folder with one file for each payload of a hook. Hooks add files, the shipper takes them in order and removes them."""

import json
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

# The hook counts too while no shipper runs (hook.sh).
MAX_FILES: Final = 20_000
MAX_BYTES: Final = 256 * 1024**2
# A payload of a hook that was killed while it wrote. Hooks that Claude Code waits for have 60 s at most.
_BROKEN_AFTER_SECONDS: Final = 120.0


class Waiting(NamedTuple):
    """A file of the spool. Sorts in the order in which the hooks ran."""

    mtime_ns: int
    name: str
    size: int


class Payload(NamedTuple):
    """A payload that Claude Code gave to a hook; `line`: the same as one line of JSON, with the time at which the hook ran."""

    value: dict[str, Any]
    line: bytes


class Spool:
    """The spool of a capture folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "spool"
        self._full = folder / "full"

    def waiting(self) -> list[Waiting]:
        """All files, oldest first. Says to the hooks whether there is room for more."""
        found: list[Waiting] = []
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    found.append(Waiting(status.st_mtime_ns, entry.name, status.st_size))
        except FileNotFoundError:
            return []
        found.sort()
        self._bound(len(found), sum(each.size for each in found))
        return found

    def _bound(self, files: int, size: int) -> None:
        """Half of the room must be free again before hooks go on: else they would count at its edge."""
        if files >= MAX_FILES or size >= MAX_BYTES:
            # On a full disk no hook can add anything either.
            with suppress(OSError):
                self._full.touch(0o600)
        elif files <= MAX_FILES // 2 and size <= MAX_BYTES // 2:
            self._full.unlink(missing_ok=True)

    def read(self, waiting: Waiting) -> Payload | None:
        """The payload. None if it is gone, or its hook still writes it. NotAPayload if it will never be one."""
        try:
            content = (self.folder / waiting.name).read_bytes()
            value = json.loads(content)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError):
            if _is_written(waiting):
                return None
            raise NotAPayload(waiting.name) from None
        if not isinstance(value, dict):
            raise NotAPayload(waiting.name)
        at = datetime.fromtimestamp(waiting.mtime_ns // 1000 / 1e6, UTC).isoformat(timespec="microseconds")
        # In JSON a line feed can only stand between values. The same file gives the same line each time, so that the server knows it again.
        rest = content.strip().replace(b"\n", b" ").removeprefix(b"{")
        return Payload(value, b'{"tracker_at":"%b"%b%b' % (at.encode(), b"," if value else b"", rest))

    def remove(self, names: list[str]) -> None:
        """Removes files that were sent."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)


class NotAPayload(ValueError):
    """A file that a full disk or a killed hook cut off, or that something else put there."""


def _is_written(waiting: Waiting) -> bool:
    """Whether the hook that made the file may still write it."""
    age = time.time() - waiting.mtime_ns / 1e9
    # A time in the future means that the clock was set.
    if not 0 <= age < _BROKEN_AFTER_SECONDS:
        return False
    number = waiting.name.partition("-")[0]
    if os.name == "nt":
        # There a signal ends a process, and none asks for it.
        return True
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
