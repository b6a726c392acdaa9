"""Why two totals differ over a range: parameters."""

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
