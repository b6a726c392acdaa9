"""A day: parameters and answer."""

from typing import Annotated

from pydantic import Field

from services.query.parameters.fields import (
    Absent,
    ListFormat,
    OptionalGroup,
    OptionalMachine,
    OptionalProject,
    OptionalRepository,
    OptionalUser,
    Parameters,
    Zone,
    table_of,
)


class DayParameters(Parameters):
    tz: Zone = None
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    limit: int = Field(100, ge=1, le=500, description="Most sessions: the first ones of the day. The sums are of all.")
    format: Annotated[ListFormat | None, Absent(), table_of("sessions")] = None
