"""The usage of the account's limits that Claude Code has fetched itself, and keeps in ~/.claude.json. Nothing else of that file is looked at."""

import json
import re
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from client.capture.folder import text_of
from client.capture.machine_report import exact_iso

_MEMBER: Final = "cachedUsageUtilization"
_WINDOW: Final = re.compile(r"(five_hour|seven_day)(_[a-z0-9]+)*", re.ASCII)
# Claude Code writes this file every few seconds, and fetches its usage once a minute at most.
_EVERY_SECONDS: Final = 10.0
_MOST_BYTES: Final = 64 * 1024**2
_ACCOUNT_CHARACTERS: Final = 16


class UsageCache:
    """`file`: ~/.claude.json."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked_at = float("-inf")
        self._stamp: tuple[int, int] | None = None
        self._told: dict[str, Any] | None = None
        self.newest: dict[str, Any] | None = None

    def due(self) -> dict[str, Any] | None:
        """The reading, if the cached usage has changed since the last one that was told."""
        now = time.monotonic()
        if now - self._looked_at >= _EVERY_SECONDS:
            self._looked_at = now
            self._look()
        if self.newest is None or self.newest == self._told:
            return None
        return {**self.newest, "read_at": exact_iso(time.time())}

    def told(self) -> None:
        """The server has what `due` gave."""
        self._told = self.newest

    def forget(self) -> None:
        """Nothing is told yet."""
        self._told = None

    def _look(self) -> None:
        try:
            status = self._file.stat()
            stamp = status.st_mtime_ns, status.st_size
            if stamp == self._stamp or status.st_size > _MOST_BYTES:
                return
            content = self._file.read_bytes()
            value = json.loads(content).get(_MEMBER) if _MEMBER.encode() in content else None
        except (OSError, ValueError, AttributeError, RecursionError):
            # None there, or Claude Code just writes it.
            return
        self._stamp = stamp
        if isinstance(value, dict):
            self.newest = usage_reading(value) or self.newest


def usage_reading(cached: dict[str, Any]) -> dict[str, Any] | None:
    """The part that the server gets, but for when it was read. None without an account: that is one with an API key, which has no limits."""
    account, fetched, utilization = text_of(cached, "accountUuid"), cached.get("fetchedAtMs"), cached.get("utilization")
    if account is None or not isinstance(fetched, int | float) or not isinstance(utilization, dict):
        return None
    windows = [
        # One that has not begun has no reset.
        {"kind": kind, "used_percentage": window["utilization"], **({"resets_at": resets_at} if resets_at else {})}
        for kind, window in utilization.items()
        if _WINDOW.fullmatch(kind) and isinstance(window, dict) and isinstance(window.get("utilization"), int | float)
        for resets_at in (text_of(window, "resets_at"),)
    ]
    return {
        "type": "usage_cache",
        # The same account has the same hash on each machine.
        "account": sha256(account.encode()).hexdigest()[:_ACCOUNT_CHARACTERS],
        "fetched_at": exact_iso(fetched / 1_000),
        "windows": windows,
    }
