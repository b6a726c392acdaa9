"""Which days a question is about, in the person's own time zone."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
import tzlocal

UTC: Final = "UTC"

Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="From this day on: 2026-02-16, yesterday, or 7d for the last 7 days.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="DATE", help="Up to this day, which is included.")]
Zone = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Time zone, e.g. Europe/Berlin; this machine's by default.")]


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a time zone, first and last included. None: open at that end."""

    first: date | None
    last: date | None
    zone: str
    name: str

    def parameters(self) -> dict[str, str]:
        """The API's filters for it."""
        days = {"start_date": self.first, "end_date": self.last}
        return {"tz": self.zone} | {name: day.isoformat() for name, day in days.items() if day is not None}

    def title(self) -> str:
        """`This week, Mon 16 Feb to Sun 22 Feb 2026 (Europe/Berlin)`"""
        parts = ", ".join(filter(None, (self.name, self._days())))
        return f"{parts} ({self.zone})"

    def _days(self) -> str:
        if self.first is None:
            return f"up to {day_text(self.last)}" if self.last else ""
        if self.last is None:
            return f"from {day_text(self.first)}"
        if self.first == self.last:
            return day_text(self.first)
        return f"{day_text(self.first, with_year=self.first.year != self.last.year)} to {day_text(self.last)}"


def day_text(day: date, *, with_year: bool = True) -> str:
    """`Mon 16 Feb 2026`, in English whatever the machine's language is."""
    weekday = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[day.weekday()]
    month = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")[day.month - 1]
    return f"{weekday} {day.day:2} {month}" + (f" {day.year}" if with_year else "")


def local_zone(asked: str | None) -> str:
    """The IANA name of the time zone that was asked for, else of this machine's; UTC if the machine has none that has a name."""
    if asked is None:
        try:
            found = tzlocal.get_localzone_name() or UTC
            ZoneInfo(found)
        except (ZoneInfoNotFoundError, LookupError, ValueError, OSError):
            return UTC
        return UTC if found == "Etc/UTC" else found
    try:
        ZoneInfo(asked)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{asked!r} is not a time zone; it should look like Europe/Berlin", param_hint="--tz") from None
    return asked


def today_in(zone: str) -> date:
    """The day that it is now in a time zone."""
    return datetime.now(ZoneInfo(zone)).date()


def period_of(
    zone: str, since: str | None, until: str | None, *, week: bool = False, month: bool = False, default_days: int | None = None
) -> Period:
    """The period that the options name. BadParameter for options that contradict each other.

    `default_days`: how many days, today included, if no option names any; None for all days.
    """
    today = today_in(zone)
    if sum((week, month, since is not None or until is not None)) > 1:
        raise typer.BadParameter("--week, --month, and --since or --until exclude each other")
    if week:
        monday = today - timedelta(days=today.weekday())
        return Period(monday, monday + timedelta(days=6), zone, "This week")
    if month:
        first = today.replace(day=1)
        return Period(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1), zone, "This month")
    if since is not None or until is not None:
        first_day, last_day = _day(since, today, "--since"), _day(until, today, "--until")
        if first_day and last_day and first_day > last_day:
            raise typer.BadParameter(f"{since} is after {until}", param_hint="--since")
        return Period(first_day, last_day or today, zone, "")
    if default_days is None:
        return Period(None, None, zone, "All time")
    first = today - timedelta(days=default_days - 1)
    return Period(first, today, zone, "Today" if default_days == 1 else f"The last {default_days} days")


def _day(text: str | None, today: date, option: str) -> date | None:
    if text is None:
        return None
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        if text.endswith("d") and text[:-1].isdigit():
            return today - timedelta(days=int(text[:-1]) - 1)
        return date.fromisoformat(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is not a day; it should look like 2026-02-16, yesterday, or 7d for the last 7 days", param_hint=option
        ) from None


def local_time(text: str | None, zone: str) -> str:
    """A time of the API, `Mon 16 Feb 2026 14:05` in the zone; empty for none."""
    if not text:
        return ""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    return f"{day_text(at.date())} {at:%H:%M}"
