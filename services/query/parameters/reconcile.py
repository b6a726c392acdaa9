"""Why two totals differ over a range, and what made a number: parameters."""

from typing import Annotated

from pydantic import Field

from services.query.answers.explain import Measure
from services.query.parameters.fields import (
    OptionalGroup,
    OptionalMachine,
    OptionalProject,
    OptionalRepository,
    OptionalUser,
    Parameters,
    StatsEnd,
    StatsStart,
    Zone,
)


class ReconcileParameters(Parameters):
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None


class ExplainParameters(Parameters):
    measure: Annotated[Measure, Field(description="The number, by its name in /api/usage.", examples=["cost_usd"])]
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
    machine: OptionalMachine = None
    start_date: StatsStart = None
    end_date: StatsEnd = None
    tz: Zone = None
