"""The readings that statusline.sh kept of each session: one file, which a newer reading replaces."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from client.capture.folder import text_of
from client.capture.machine_report import exact_iso

# A session that had no status line for so long has ended. The reading that it told last is sent by then, or is of no use any more.
_KEPT_SECONDS: Final = 7 * 86_400.0
# The members that leave the machine, by the object that they are in.
_COST: Final = ("total_cost_usd", "total_duration_ms", "total_api_duration_ms", "total_lines_added", "total_lines_removed")
_CONTEXT: Final = ("context_window_size", "used_percentage", "total_input_tokens")
_CACHE: Final = (
    *("warm", "caching_observed", "ttl", "expires_at", "requests", "misses", "expected_rebuilds", "hit_ratio"),
    *("cache_write_tokens", "miss_recache_tokens", "last_miss_at", "recache_tokens_if_cold"),
)
# As `ttl_expired_5m`. The server refuses a reading with another one, and with it the limits.
_CAUSE: Final = re.compile(r"[a-z0-9_]{1,60}", re.ASCII)
_WINDOWS: Final = ("five_hour", "seven_day")
_WINDOW: Final = ("used_percentage", "resets_at")


class StatusLine(NamedTuple):
    """`value`: what Claude Code gave to the status line, all of it; `stamp` is another one when the file is written anew."""

    path: Path
    stamp: tuple[int, int]
    value: dict[str, Any]

    @property
    def read_at(self) -> float:
        """Seconds since the epoch."""
        return self.stamp[0] / 1e9


def status_lines(folder: Path, known: dict[Path, tuple[int, int]]) -> Iterator[StatusLine]:
    """Those that are not `known` by their stamps. Files of sessions that ended long ago are removed."""
    try:
        paths = list((folder / "readings").iterdir())
    except OSError:
        return
    for path in paths:
        # Removed meanwhile, or just being written: the next look finds it whole.
        with suppress(OSError, ValueError, RecursionError):
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if time.time() - status.st_mtime > _KEPT_SECONDS:
                path.unlink()
                known.pop(path, None)
            elif known.get(path) != stamp and isinstance(value := json.loads(path.read_bytes()), dict):
                yield StatusLine(path, stamp, value)


def status_line_reading(found: StatusLine) -> dict[str, Any] | None:
    """The part that the server gets: the members that are listed here, as far as they have a value. None without a session."""
    value = found.value
    session_id = text_of(value, "session_id")
    if session_id is None:
        return None
    model, limits = value.get("model"), value.get("rate_limits")
    told = {
        "type": "status_line",
        "read_at": exact_iso(found.read_at),
        "session_id": session_id,
        "version": text_of(value, "version"),
        "model": text_of(model, "id") if isinstance(model, dict) else None,
        "cost": _members(value.get("cost"), _COST),
        "context_window": _members(value.get("context_window"), _CONTEXT),
        "prompt_cache": _prompt_cache(value.get("prompt_cache")),
        "rate_limits": _windows(limits) if isinstance(limits, dict) else None,
    }
    return {name: member for name, member in told.items() if member is not None}


def _prompt_cache(cache: object) -> dict[str, Any] | None:
    """The cause of the last miss goes by its words alone. Which tools came or went stays here."""
    told = _members(cache, _CACHE)
    cause = cache.get("last_miss_cause") if isinstance(cache, dict) else None
    causes = cause.get("causes") if isinstance(cause, dict) else None
    words = [word for word in causes if isinstance(word, str) and _CAUSE.fullmatch(word)] if isinstance(causes, list) else []
    return told | {"last_miss_cause": {"causes": words}} if told and words else told


def _windows(limits: dict[str, Any]) -> dict[str, Any] | None:
    windows = {name: window for name in _WINDOWS if (window := _members(limits.get(name), _WINDOW)) and len(window) == len(_WINDOW)}
    return windows or None


def _members(value: object, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The numbers, texts and truth values of these names. None without any of them."""
    if not isinstance(value, dict):
        return None
    return {name: value[name] for name in names if isinstance(value.get(name), int | float | str)} or None
