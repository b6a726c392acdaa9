"""Users with their totals: parameters and answer of their list."""

from services.query.parameters.fields import Dated, OptionalGroup, OptionalProject, OptionalRepository, OptionalUser


class UserList(Dated):
    project_id: OptionalProject = None
    group: OptionalGroup = None
    repository: OptionalRepository = None
    user: OptionalUser = None
