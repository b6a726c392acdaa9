"""Tags of sessions: parameters and answer of their list."""

from services.query.parameters.fields import OptionalProject, OptionalUser, Paged


class TagList(Paged):
    project_id: OptionalProject = None
    user: OptionalUser = None
