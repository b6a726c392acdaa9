"""Where an item is in a view of a session, by its id, and how many prompts come before a place."""

from uuid import UUID

from services.query.database import Connection, fetch, fetch_first, one_row
from services.query.queries.timeline.derived_items import Outline
from services.query.queries.timeline.item_order import PROMPT_RANK, Key, Placed, View, key_parameters, sql_time, with_key
from shared.http.errors import NotFound
from shared.sql_files import SqlFile

_COUNTS = SqlFile(__package__, "counts.sql")
_ITEMS = SqlFile(__package__, "items.sql")


class _Row(Placed, frozen=True):
    kind: str
    agent_id: str | None


def place_of_row(connection: Connection, view: View, item_id: str) -> Key | None:
    """The place of a row; of a file change below its call, the call's. None if the session has none of this id; NotFound if the view hides it."""
    try:
        row_id = UUID(item_id)
    except ValueError:
        return None
    found = fetch_first(connection, _Row, _ITEMS.place, {"id": row_id, "session_id": view.session_id}, with_key)
    if found is None:
        return None
    if not view.shows(found.agent_id):
        where = (
            "the session's own thread: leave agent_id out" if found.agent_id is None else f"a subagent: ask with agent_id={found.agent_id}"
        )
        raise _not_found(f"The item belongs to {where}, or ask with threads=all.")
    if found.kind == "thinking" and not view.include_thinking:
        raise _not_found("The item is thinking, which is hidden: ask with include_thinking=true.")
    return found.key


def place_of_derived(outline: Outline, item_id: str) -> Key:
    """The place of an item that no row stands for. NotFound if there is none of this id."""
    for each in outline.derived:
        if each.id == item_id:
            return each.key
    raise _not_found("There is no item of this id in the session.")


def just_before(key: Key) -> Key:
    """The place before a place, with nothing between."""
    at, rank, row_id = key
    return (at, rank, UUID(int=row_id.int - 1)) if row_id.int else (at, rank - 1, UUID(int=2**128 - 1))


def just_after(key: Key) -> Key:
    """The place after a place, with nothing between."""
    at, rank, row_id = key
    return (at, rank, UUID(int=row_id.int + 1)) if row_id.int < 2**128 - 1 else (at, rank + 1, UUID(int=0))


def prompts_before(connection: Connection, view: View, key: Key) -> int:
    """How many prompts of the session's own thread come before a place: the number of the turn that it is in, if it is no prompt itself."""
    found: int = one_row(connection, _COUNTS.prompts_before, view.parameters() | key_parameters(key))["prompts"]
    return found


def prompts_between(connection: Connection, view: View, first: Key, last: Key) -> list[Key]:
    """The places of the prompts of the session's own thread from one place to another, in order."""
    ends = {"first_at": sql_time(first[0]), "last_at": sql_time(last[0])}
    found = fetch(connection, Placed, _COUNTS.prompts_between, view.parameters() | ends, with_key)
    return [prompt.key for prompt in found if first <= prompt.key <= last]


def is_prompt(key: Key, agent_id: str | None) -> bool:
    """Whether an item begins a turn."""
    return key[1] == PROMPT_RANK and agent_id is None


def _not_found(message: str) -> NotFound:
    return NotFound(message, code="ITEM_NOT_FOUND", details={"around": "not in this timeline"})
