"""The tags of sessions, with how many sessions have each."""

from typing import Annotated, Final

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc
from services.query.database import Connection
from services.query.queries.lists.paging import Paging, page
from services.query.queries.lists.projects import ChosenProjects
from shared.sql_files import SqlFile


class Tag(Answer):
    tag: str
    sessions: Annotated[int, doc("Number of sessions that have it.")]


class TagPage(Answer):
    items: list[Tag]
    next_cursor: NextCursor


_SQL: Final = SqlFile(__package__, "tags.sql")


def tags(connection: Connection, projects: ChosenProjects, user: str | None, paging: Paging) -> TagPage:
    """Tags, those of the most sessions first."""
    parameters = {"user": user} | projects.parameters(connection) | paging.after(sessions="int", key="text")
    items, next_cursor = page(connection, Tag, _SQL.tags, parameters, paging, ("sessions", "tag_key"))
    return TagPage(items, next_cursor)
