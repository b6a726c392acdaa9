"""One cheap statement asks Postgres about an index: whether it is of this database, and what it does not have yet."""

from typing import Any, Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from services.query.search_index.documents.row_documents import DocumentKind
from services.query.search_index.folder import State
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "follow.sql")
_LOOK: Final = _SQL.look.encode()
_NOTES: Final = _SQL.notes.encode()
# Notes that are counted behind an index.
_MOST_NOTES: Final = 10_000


class Note(Struct, frozen=True, array_like=True):
    """Rows of a kind that were changed by one transaction, and the sessions whose texts they are."""

    number: int
    kind: DocumentKind
    keys: list[str]
    session_ids: list[str]


class Look(Struct, frozen=True):
    """`snapshot`: of the look's transaction. `newest`: notes of what the index does not have, the newest first; `rows_behind`: rows of all such notes."""

    database: str
    purged: int
    is_ahead: bool
    is_too_old: bool
    snapshot: str
    rows_behind: int
    # The time of the oldest note, in Unix seconds.
    behind_since: float | None
    newest: list[Note]

    def allows(self, state: State | None) -> bool:
        """True if the index may be read. If not, it is of another database, of a time that a restored database has not had, or too old to be followed."""
        return state is not None and state.database == self.database and not self.is_ahead and not self.is_too_old


def look(connection: psycopg.Connection[Any], state: State | None, *, most_rows: int) -> Look:
    """On the primary. The newest notes are of about `most_rows` rows. psycopg.Error if it is away."""
    asked = {
        "snapshot": state.snapshot if state else None,
        "target": state.target if state else None,
        "done": state.done if state else 0,
        "most_notes": _MOST_NOTES if most_rows else 0,
        "most_rows": most_rows,
    }
    with connection.cursor(row_factory=dict_row) as cursor:
        row: Any = cursor.execute(_LOOK, asked).fetchone()
    return msgspec.convert(row | {"newest": msgspec.json.decode(row["newest"])}, Look)


def first_notes(connection: psycopg.Connection[Any], state: State, target: str, most_rows: int) -> tuple[list[Note], bool]:
    """The first notes up to the target that are not done, of about so many rows, and whether these are all."""
    asked = {"snapshot": state.snapshot, "target": target, "done": state.done, "most_rows": most_rows}
    found = connection.execute(_NOTES, asked).fetchall()
    return [Note(*row[:4]) for row in found], not found or found[0][4] == 0
