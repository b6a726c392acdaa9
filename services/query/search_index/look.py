"""One cheap statement asks Postgres about an index: whether it is of this database, and whether something waits."""

from typing import Any, Final

import psycopg
from msgspec import Struct, convert
from psycopg.rows import dict_row

from services.query.search_index.folder import State
from shared.sql_files import statement

_LOOK: Final = statement(__package__, "follow.sql", "look").encode()


class Look(Struct, frozen=True):
    """`snapshot`: of the look's transaction. `changed`: sessions that changed behind the state's, the newest change first."""

    database: str
    purged: int
    is_ahead: bool
    changed: list[str]
    snapshot: str

    def allows(self, state: State | None) -> bool:
        """True if the index may be read. If not, it is of another database, of a time before a purge, or of one that a restored database has not had."""
        return state is not None and (state.database, state.purged) == (self.database, self.purged) and not self.is_ahead


def look(connection: psycopg.Connection[Any], state: State | None, *, most: int | None = None) -> Look:
    """On the primary. `most`: no more changed sessions than these. psycopg.Error if it is away."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_LOOK, {"snapshot": state.snapshot if state else None, "most": most}).fetchone()
    return convert(row, Look)
