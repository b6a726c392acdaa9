"""The status line's part beyond its own session: today's cost and time, as the server counts them, and the limits that other sessions read.

They are in two small files, `today` and `limits`, since a status line has no time to ask anybody.
"""

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from client.capture.folder import CaptureConfig, write_private
from client.errors import BadAnswer
from client.http.connection import Connection, ServerAway
from shared.quantities import minutes

_EVERY_SECONDS: Final = 30.0
# A key that may only send is asked about seldom: a person may give it more rights.
_REFUSED_SECONDS: Final = 3_600.0
_OK: Final = 200
_LONGEST_ANSWER: Final = 4 * 1024**2
# The same window is told with other fractions of a second.
_SAME_WINDOW_SECONDS: Final = 60.0
_KINDS: Final = ("five_hour", "seven_day")


class Today:
    """Asks for the day's sums while status lines come. In a thread: a query that takes long must not hold up what is sent."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "today"
        self._next = float("-inf")
        self._thread: threading.Thread | None = None

    def refresh(self, config: CaptureConfig) -> None:
        """Now and then."""
        now = time.monotonic()
        if now < self._next or (self._thread is not None and self._thread.is_alive()):
            return
        self._next = now + _EVERY_SECONDS
        self._thread = threading.Thread(target=self._ask, args=(config,), daemon=True)
        self._thread.start()

    def _ask(self, config: CaptureConfig) -> None:
        # The day of the script, which asks `date`.
        day = datetime.now(UTC).astimezone().date().isoformat()
        asked = {"limit": "1", **({"tz": zone} if (zone := _zone()) else {}), **({"user": config.user} if config.user else {})}
        # If no server answers, what is sent tells of it. The line then shows the last sums, until the day is over.
        with suppress(ServerAway, BadAnswer, TypeError), Connection(config.url, config.token, most_bytes=_LONGEST_ANSWER) as connection:
            answer = connection.exchange("GET", f"/api/days/{day}?{urlencode(asked)}", {})
            if answer.status == _OK:
                _write(self._file, f"{day}|{_sums(answer.body['totals'])}\n")
            else:
                self._next = time.monotonic() + _REFUSED_SECONDS


def _zone() -> str | None:
    """The machine's time zone; None if it has no name, and the server's own must do."""
    # 5 ms, which only a machine with a status line pays for.
    import tzlocal  # noqa: PLC0415

    with suppress(LookupError, ValueError, OSError):
        found = tzlocal.get_localzone_name()
        return None if found == "local" else found
    return None


def _sums(totals: dict[str, Any]) -> str:
    cost = totals["cost_usd"]
    shown = [] if cost is None else [f"${cost:,.2f}{'+' if totals['unpriced_calls'] else ''}"]
    return " · ".join([*shown, minutes(totals["active_minutes"])])


class _Limit(NamedTuple):
    used_percentage: float
    resets_at: float
    read_at: float


class Limits:
    """The newest of all sessions. Sessions that are open at once tell of different times, so within one window the highest holds."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "limits"
        self._known: dict[str, _Limit] = {}

    def observe(self, reading: dict[str, Any]) -> None:
        """Takes what a reading of a status line or of the cached usage has of them. Times of the latter are texts."""
        before = dict(self._known)
        read_at = datetime.fromisoformat(reading.get("fetched_at") or reading["read_at"]).timestamp()
        for kind, window in (reading.get("rate_limits") or {}).items():
            self._take(kind, _Limit(window["used_percentage"], window["resets_at"], read_at))
        for window in reading.get("windows", ()):
            with suppress(ValueError, KeyError):
                resets_at = datetime.fromisoformat(window["resets_at"]).timestamp()
                self._take(window["kind"], _Limit(window["used_percentage"], resets_at, read_at))
        if self._known != before:
            five, seven = (self._known.get(kind) for kind in _KINDS)
            shown = (f"{limit.used_percentage:.1f} {limit.resets_at:.0f}" if limit else "- -" for limit in (five, seven))
            as_of = min(limit.read_at for limit in self._known.values())
            _write(self._file, " ".join((*shown, f"{as_of:.0f}")) + "\n")

    def _take(self, kind: str, limit: _Limit) -> None:
        known = self._known.get(kind)
        if kind not in _KINDS or not isinstance(limit.used_percentage, int | float) or not isinstance(limit.resets_at, int | float):
            return
        is_same = known is not None and abs(limit.resets_at - known.resets_at) < _SAME_WINDOW_SECONDS
        if known is None or (limit.used_percentage >= known.used_percentage if is_same else limit.resets_at > known.resets_at):
            self._known[kind] = limit


def _write(file: Path, content: str) -> None:
    """On a full disk the status line shows what was there."""
    with suppress(OSError):
        write_private(file, content)
