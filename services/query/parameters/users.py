"""Users with their totals: parameters and answer of their list."""

from services.query.parameters.fields import Dated, OptionalProject, OptionalUser


class UserList(Dated):
    project_id: OptionalProject = None
    user: OptionalUser = None
