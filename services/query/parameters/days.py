"""A day: parameters and answer."""

from typing import Annotated

from pydantic import Field

from services.query.parameters.fields import (
    Absent,
    Filtered,
    ListFormat,
    Zone,
    table_of,
)


class DayParameters(Filtered):
    tz: Zone = None
    limit: int = Field(100, ge=1, le=500, description="Most sessions: the first ones of the day. The sums are of all.")
    format: Annotated[ListFormat | None, Absent(), table_of("sessions")] = None
