"""Users with their totals: parameters and answer of their list."""

from services.query.parameters.fields import Dated, OfProjects, OptionalUser


class UserList(Dated, OfProjects):
    user: OptionalUser = None
