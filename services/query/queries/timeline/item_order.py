"""The items of a session that a reader sees, and their one order.

Items are sorted by (time, rank, id). A rank says what comes first at the same instant: a prompt precedes everything that follows from it. Items without
a date come first. Stored rows are items by themselves; others are derived from them (derived_items.py).
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.query.cursor import UNDATED
from services.query.database import Row

# The time of an item without a date.
NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
NO_ID: Final = UUID(int=0)

# Stored rows have ranks from 10 to 70, in items.sql.
SWITCH_RANK, SUBAGENT_RANK, GAP_RANK = 40, 80, 90
PROMPT_RANK: Final = 10

# Time, rank and id: greater than another if it comes later in the session.
Key = tuple[datetime, int, UUID]
BEGINNING: Final[Key] = (NO_TIME, -1, NO_ID)
END: Final[Key] = (datetime.max.replace(tzinfo=UTC), 1_000, NO_ID)


class View(Struct, frozen=True):
    """Which threads of a session are shown: the session's own, one subagent's, or all of them in one order."""

    session_id: str
    agent_id: str | None = None
    all_threads: bool = False
    include_thinking: bool = False

    @property
    def is_main(self) -> bool:
        """Whether it is the session's own thread alone."""
        return self.agent_id is None and not self.all_threads

    def shows(self, agent_id: str | None) -> bool:
        """Whether it has this thread's items."""
        return self.all_threads or agent_id == self.agent_id

    def counts_usage_of(self, agent_id: str | None) -> bool:
        """Whether this thread's API calls are part of its cost. The cost of subagents is part of the session's."""
        return self.agent_id is None or agent_id == self.agent_id

    def parameters(self) -> Row:
        """As SQL takes them."""
        return {
            "session_id": self.session_id,
            "agent_id": self.agent_id,
            "all_threads": self.all_threads,
            "is_main": self.is_main,
            "include_thinking": self.include_thinking,
        }


class Placed(Struct, frozen=True):
    """Something that has a place in the session."""

    key: Key


def with_key(row: Row) -> None:
    """Makes a row's place of its columns; a `timestamp` of None has no date."""
    row["key"] = (row.pop("timestamp") or NO_TIME, row.pop("rank"), row.pop("id"))


def key_parameters(key: Key) -> Row:
    """A place as SQL takes it."""
    at, rank, row_id = key
    return {"at": sql_time(at), "rank": rank, "id": row_id}


def sql_time(at: datetime) -> datetime | str:
    """A time as Postgres has it."""
    if at == NO_TIME:
        return UNDATED
    return "infinity" if at == END[0] else at


def sql_times(times: Iterable[datetime]) -> str:
    """Times as an array of Postgres."""
    return sql_array(str(sql_time(at)) for at in times)


def sql_array(values: Iterable[object]) -> str:
    """An array of times or ids as one text, to be cast: psycopg takes several times as long to write a list element by element."""
    return "{" + ",".join(f'"{value}"' for value in values) + "}"
