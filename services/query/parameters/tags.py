"""Tags of sessions: parameters and answer of their list."""

from services.query.parameters.fields import OptionalGroup, OptionalProject, OptionalRepository, OptionalUser, Paged


class TagList(Paged):
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
