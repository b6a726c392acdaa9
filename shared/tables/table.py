"""The words of the catalogue: a table's owner, what each service may do with it, and what its columns hold."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple


class Owner(StrEnum):
    """Whose a table's rows are. A row that goes with another has that row's table as its owner."""

    SESSION = "session"
    USER = "user"
    PROJECT = "project"
    SERVER = "server"


class Holds(StrEnum):
    """The contents of a column. A scrub goes over NAME, USER_NAME, TEXT, JSON and BYTES."""

    NUMBER = "number"
    TIME = "time"
    ID = "id"
    # The id of a person.
    USER = "id of a user"
    HASH = "hash"
    # A word, or JSON, of the tracker's own.
    WORD = "word"
    # The name of a tool, a model, a file, a place.
    NAME = "name"
    USER_NAME = "name of a user"
    # The words of people and of what they run.
    TEXT = "text"
    JSON = "text in JSON"
    BYTES = "text as bytes"


class Column(NamedTuple):
    """`is_array`: of texts or names. `is_exported`: in an export of its table, under this name."""

    name: str
    holds: Holds
    is_array: bool
    is_exported: bool


# The rights of a role, as GRANT takes them. LOOK_UP allows ids, users, times and words of rows, and no number, name or text.
NONE: Final = ""
LOOK_UP: Final = "SELECT ($looked_up)"
READ: Final = "SELECT"
ADD: Final = "SELECT, INSERT"
CHANGE: Final = "SELECT, INSERT, UPDATE"
WRITE: Final = "SELECT, INSERT, UPDATE, DELETE"
# A scrub writes the files of tables anew.
KEEP: Final = "SELECT, INSERT, UPDATE, DELETE, MAINTAIN"
_LOOKED_UP: Final = frozenset({Holds.ID, Holds.USER, Holds.TIME, Holds.WORD})

# Why a table is in no export.
EXPORTED: Final = ""
MADE_AGAIN: Final = "an import makes it again from the rows"
OF_THE_SERVER: Final = "it is of this server, and means nothing to another"

# The erasure's stage of most tables: rows are found by their owner. Rows that go with those of another table have that table's stage.
WITH_OWNER: Final = "tables"
# Numbers, hashes, and names of models and formats: nothing of a session, a person or a project.
NOTHING: Final = ""


@cache
def _columns(told: str) -> tuple[Column, ...]:
    holds, columns = Holds.ID, []
    for word in told.split():
        if word.isupper():
            holds = Holds[word]
        else:
            columns.append(Column(word.removeprefix("-").removesuffix("[]"), holds, word.endswith("[]"), not word.startswith("-")))
    return tuple(columns)


@dataclass(frozen=True, slots=True)
class Table:
    """`ingest`, `worker`, `query`: the rights of each service. `export`: why it is in none, or EXPORTED. `erased`: the stage of an erasure.

    `told`: the columns after what they hold: "ID id -project_id TEXT content tags[]". An array of texts ends in []; one with - is not exported.
    `alone`: its rows may be all that there is of a session; with the column from whose time retention counts, "" if a row has no time of its own.
    """

    name: str
    owner: str
    ingest: str
    worker: str
    query: str
    export: str
    erased: str
    told: str
    alone: str | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """In the order in which they are told."""
        return _columns(self.told)

    def named(self, *holds: Holds) -> list[str]:
        """The names of the columns; of those that hold one of these, if any are given."""
        return [column.name for column in self.columns if not holds or column.holds in holds]

    def granted(self, rights: str) -> str:
        """Its rights of a service as GRANT takes them."""
        return rights.replace("$looked_up", ", ".join(self.named(*_LOOKED_UP)))
