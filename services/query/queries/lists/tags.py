"""The tags of sessions, with how many sessions have each."""

from typing import Final

from services.query.answers.tags import Tag, TagPage
from services.query.database import Connection
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import ChosenProjects
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "tags.sql")


def tags(connection: Connection, projects: ChosenProjects, user: str | None, paging: Paging) -> TagPage:
    """Tags, those of the most sessions first."""
    parameters = {"user": user} | projects.parameters(connection) | paging.after(sessions="int", key="text")
    items, next_cursor = page(connection, Tag, _SQL.tags, parameters, paging, ("sessions", "tag_key"))
    return TagPage(items, next_cursor)
