"""The days of a question, in the person's own time zone."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Any, Final

import typer

from client.output.local_time import local_zone, today_in
from shared.quantities import day_text

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Since = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="From this day on: 2026-02-16, yesterday, tuesday, or 7d for the last 7 days.")
]
Zone = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Time zone, e.g. Europe/Berlin; this machine's by default.")]


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in a time zone, first and last included. None: open at that end."""

    first: date | None
    last: date | None
    zone: str
    name: str

    @property
    def is_limited(self) -> bool:
        """Whether it leaves out any day."""
        return self.first is not None or self.last is not None

    def until_today(self) -> "Period":
        """Without the days that are still to come: half a month is not compared with a whole one."""
        today = today_in(self.zone)
        if self.last is None or self.last <= today or (self.first is not None and self.first > today):
            return self
        return replace(self, last=today, name=f"{self.name} so far")

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


def period_of(
    zone: str,
    since: str | None,
    until: str | None,
    *,
    week: bool = False,
    month: bool = False,
    last_week: bool = False,
    last_month: bool = False,
    default_days: int | None = None,
) -> Period:
    """The period that the options name. BadParameter for options that contradict each other.

    `default_days`: how many days, today included, if no option names any; None for all days.
    """
    today = today_in(zone)
    if sum((week, month, last_week, last_month, since is not None or until is not None)) > 1:
        raise typer.BadParameter("--week, --month, --last-week, --last-month, and --since or --until exclude each other")
    if week or last_week:
        monday = today - timedelta(days=today.weekday() + 7 * last_week)
        return Period(monday, monday + timedelta(days=6), zone, "Last week" if last_week else "This week")
    if month or last_month:
        after = (today.replace(day=1) + timedelta(days=0 if last_month else 31)).replace(day=1)
        last = after - timedelta(days=1)
        return Period(last.replace(day=1), last, zone, "Last month" if last_month else "This month")
    if since is not None or until is not None:
        first_day, last_day = _day(since, today, "--since"), _day(until, today, "--until")
        if first_day and last_day and first_day > last_day:
            raise typer.BadParameter(f"{since} is after {until}", param_hint="--since")
        return Period(first_day, last_day or today, zone, "")
    if default_days is None:
        return Period(None, None, zone, "All time")
    first = today - timedelta(days=default_days - 1)
    return Period(first, today, zone, "Today" if default_days == 1 else f"The last {default_days} days")


@dataclass(frozen=True, slots=True)
class Days:
    """The days that a question is about."""

    since: Since = None
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="Up to this day, which is included.")] = None
    tz: Zone = None

    @property
    def zone(self) -> str:
        """The IANA name of the time zone. BadParameter if it does not exist."""
        return local_zone(self.tz)

    def period(self, **named: Any) -> Period:
        """As `period_of`, which has the other periods that can be named."""
        return period_of(self.zone, self.since, self.until, **named)


def named_day(text: str, today: date) -> date | None:
    """The day of `today`, `yesterday`, a weekday or a date; None if it is none of these. `tuesday` is the last one before today."""
    name = text.lower()
    if name in ("today", "yesterday"):
        return today - timedelta(days=name == "yesterday")
    for weekday, full_name in enumerate(_WEEKDAYS):
        if name in (full_name, full_name[:3]):
            return today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _day(text: str | None, today: date, option: str) -> date | None:
    if text is None:
        return None
    if (named := named_day(text, today)) is not None:
        return named
    try:
        if text.endswith("d") and text[:-1].isdigit():
            return today - timedelta(days=int(text[:-1]) - 1)
    except (ValueError, OverflowError):
        # More days than there are.
        pass
    raise typer.BadParameter(
        f"{text!r} is not a day; it should look like 2026-02-16, yesterday, tuesday, or 7d for the last 7 days", param_hint=option
    )
