"""Where an item is in a view of a session, by its id, and how many items come before a place."""

from bisect import bisect_left
from functools import partial
from uuid import UUID

from services.query.database import Connection, first_row, one_row, rows
from services.query.queries.timeline.outline import Outline
from services.query.queries.timeline.view import BEGINNING, PROMPT_RANK, Key, View, key_of, key_parameters, sql_time
from shared.http.errors import NotFound
from shared.sql_files import statement

_counts = partial(statement, __package__, "counts.sql")
_items = partial(statement, __package__, "items.sql")


def place_of(connection: Connection, outline: Outline, item_id: str) -> Key:
    """The place of an item; of a file change below its call, the call's. NotFound says why if the view does not have it."""
    view = outline.view
    for each in outline.derived:
        if each.id == item_id:
            return each.key
    try:
        row_id = UUID(item_id)
    except ValueError:
        row_id = None
    found = row_id and first_row(connection, _items("place"), {"id": row_id, "session_id": view.session_id})
    if not found:
        raise _not_found("There is no item of this id in the session.")
    if not view.shows(found["agent_id"]):
        where = (
            "the session's own thread: leave agent_id out"
            if found["agent_id"] is None
            else f"a subagent: ask with agent_id={found['agent_id']}"
        )
        raise _not_found(f"The item belongs to {where}, or ask with threads=all.")
    if found["kind"] == "thinking" and not view.include_thinking:
        raise _not_found("The item is thinking, which is hidden: ask with include_thinking=true.")
    return key_of(found)


def offset_of(connection: Connection, outline: Outline, key: Key) -> int:
    """How many items of the view come before a place. The smaller side is counted."""
    derived = bisect_left([each.key for each in outline.derived], key)
    if key <= BEGINNING:
        return 0
    times = outline.times()
    before = times is None or key[0] <= times[0] + (times[1] - times[0]) / 2
    counted: int = one_row(connection, _counts("items_on_one_side"), outline.view.parameters() | key_parameters(key) | {"before": before})[
        "items"
    ]
    return derived + (counted if before else outline.row_items - counted)


def prompts_before(connection: Connection, view: View, key: Key) -> int:
    """How many prompts of the session's own thread come before a place: the number of the turn that it is in, if it is no prompt itself."""
    found: int = one_row(connection, _counts("prompts_before"), view.parameters() | key_parameters(key))["prompts"]
    return found


def prompts_between(connection: Connection, view: View, first: Key, last: Key) -> list[Key]:
    """The places of the prompts of the session's own thread from one place to another, in order."""
    ends = {"first_at": sql_time(first[0]), "last_at": sql_time(last[0])}
    found = (key_of(row) for row in rows(connection, _counts("prompts_between"), view.parameters() | ends))
    return [key for key in found if first <= key <= last]


def is_prompt(key: Key, agent_id: str | None) -> bool:
    """Whether an item begins a turn."""
    return key[1] == PROMPT_RANK and agent_id is None


def _not_found(message: str) -> NotFound:
    return NotFound(message, code="ITEM_NOT_FOUND", details={"around": "not in this timeline"})
