"""Times and days as a person reads them: in the person's time zone, always in English, not the machine's language."""

from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
import tzlocal

from shared.quantities import MONTHS, day_text

UTC: Final = "UTC"


def local_zone(name: str | None = None) -> str:
    """The IANA name of the time zone: `name` if given, else this machine's; UTC if the machine's zone has no name.

    BadParameter if the zone does not exist.
    """
    if name is None:
        try:
            found = tzlocal.get_localzone_name() or UTC
            ZoneInfo(found)
        except (ZoneInfoNotFoundError, LookupError, ValueError, OSError):
            return UTC
        return UTC if found == "Etc/UTC" else found
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise typer.BadParameter(f"{name!r} is not a time zone; it should look like Europe/Berlin", param_hint="--tz") from None
    return name


def today_in(zone: str) -> date:
    """The current day in a time zone."""
    return datetime.now(ZoneInfo(zone)).date()


def local_time(text: str | None, zone: str) -> str:
    """A time of the API as `Mon 16 Feb 2026 14:05` in the zone; empty for None."""
    if not text:
        return ""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    return f"{day_text(at.date())} {at:%H:%M}"


def short_time(text: str | None, zone: str) -> str:
    """`16 Feb 14:05`, with the year if it is not the current one: `16 Feb 2025`; empty for None."""
    if not text:
        return ""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(zone))
    is_this_year = at.year == today_in(zone).year
    return f"{at.day:2} {MONTHS[at.month - 1]} " + (f"{at:%H:%M}" if is_this_year else f"{at.year}")
