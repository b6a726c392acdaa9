"""Tags of sessions: parameters and answer of their list."""

from services.query.parameters.fields import OfProjects, OptionalUser, Paged


class TagList(Paged, OfProjects):
    user: OptionalUser = None
