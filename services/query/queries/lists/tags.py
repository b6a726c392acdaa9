"""The tags of sessions, with how many sessions have each."""

from functools import partial
from typing import Final

from services.query.database import Connection
from services.query.queries.lists.paging import Page, Paging, page
from shared.sql_files import statement

_sql = partial(statement, __package__, "tags.sql")

_TAGS: Final = _sql("tags")


def tags(connection: Connection, project_id: int | None, user: str | None, paging: Paging) -> Page:
    """Tags, those of the most sessions first."""
    parameters = {"project_id": project_id, "user": user} | paging.after(sessions="int", key="text")
    found = page(connection, _TAGS, parameters, paging, lambda row: (row["sessions"], row["tag_key"]))
    for item in found.items:
        del item["tag_key"]
    return found
