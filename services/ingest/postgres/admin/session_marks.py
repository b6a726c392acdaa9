"""The SQL of what people note of a session. A session's marks stay when the session is deleted, and are there when it is imported again.

Answers within a second or raises Unavailable DATABASE_UNAVAILABLE.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct

from services.ingest.http.responses import Visibility
from services.ingest.postgres.database import Connection, Database
from shared.sessions.session_tags import tag_key
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "session_marks.sql")

_ENSURE: Final = "INSERT INTO session_marks (session_id) VALUES (%(session_id)s) ON CONFLICT (session_id) DO NOTHING"
_LOCK: Final = "SELECT is_starred, tags, note, title, visibility FROM session_marks WHERE session_id = %(session_id)s FOR UPDATE"
_OF_PROJECT: Final = "SELECT p.visibility FROM sessions AS s JOIN projects AS p ON p.id = s.project_id WHERE s.session_id = %(session_id)s"


class Marks(Struct, frozen=True):
    """The marks that people gave a session."""

    is_starred: bool = False
    tags: tuple[str, ...] = ()
    note: str | None = None
    title: str | None = None
    visibility: Visibility = None


async def change(database: Database, session_id: str, changed: Callable[[Marks], Marks]) -> tuple[Marks, Visibility]:
    """The marks after `changed`, stored; and the visibility that counts, as lists of sessions tell it: its own, else its project's.

    The row is locked meanwhile, so that of several changes at a time none is lost.
    """

    async def work(connection: Connection) -> tuple[Marks, Visibility]:
        key = {"session_id": session_id}
        async with connection.transaction():
            await connection.execute(_ENSURE, key)
            row = await (await connection.execute(_LOCK, key)).fetchone()
            assert row is not None
            before = Marks(row["is_starred"], tuple(row["tags"]), row["note"], row["title"], row["visibility"])
            after = changed(before)
            if after != before:
                await connection.execute(_SQL.store, key | _columns(after))
            project = await (await connection.execute(_OF_PROJECT, key)).fetchone()
        return after, after.visibility or (project["visibility"] if project else None)

    return await database.run(work)


def _columns(marks: Marks) -> dict[str, object]:
    tags = list(marks.tags)
    return {
        "is_starred": marks.is_starred,
        "tags": tags,
        "tag_keys": [tag_key(tag) for tag in tags],
        "note": marks.note,
        "title": marks.title,
        "visibility": marks.visibility,
    }
