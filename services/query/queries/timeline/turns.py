"""The turns of a session: what a person asked, and all that followed until the next prompt, with its time, cost, tools and files.

What happened before the first prompt, as in a session that goes on after a compaction, is turn 0, so that the turns' sums are the session's. Of two
prompts at one instant, the latter has what follows.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from msgspec import convert

from services.query.answers.timeline import Turn, TurnPage
from services.query.database import Connection, Row, one_row, rows
from services.query.queries.lists.paging import Paging
from services.query.queries.timeline.item_order import (
    BEGINNING,
    END,
    NO_ID,
    NO_TIME,
    Key,
    View,
    key_of,
    key_parameters,
    sql_time,
    sql_times,
)
from services.query.queries.timeline.item_position import prompts_before
from services.query.queries.timeline.usage import Usage, usage_of
from shared.sql_files import statement

PROMPT_CHARACTERS: Final = 500
# Of the files of a turn, so that a page is bounded.
MOST_FILES: Final = 100
_TURN_ZERO: Final[Key] = (NO_TIME, 0, NO_ID)

_sql = partial(statement, __package__, "turns.sql")


def turns(connection: Connection, session_id: str, paging: Paging, idle_gap: timedelta) -> TurnPage:
    """Turns in order, a page of them; none if the session has no events, or is not known."""
    view = View(session_id)
    after = paging.last_keys(("time", "int", "uuid"))
    key = BEGINNING if after is None else (NO_TIME if after[0] == "-infinity" else after[0], after[1], after[2])
    beginnings, number, following, first_at = _beginnings(connection, view, key, paging.limit)
    if not beginnings:
        return TurnPage([], None)
    found = _with_sums(connection, view, beginnings, END if following is None else following, idle_gap, first_at)
    items = [convert(item | {"number": number + place}, Turn) for place, item in enumerate(found)]
    at, rank, row_id = _key(beginnings[-1])
    return TurnPage(items, None if following is None else paging.next_cursor([None if at == NO_TIME else at, rank, row_id]))


def _beginnings(connection: Connection, view: View, key: Key, limit: int) -> tuple[list[Row], int, Key | None, str | None]:
    """The prompts of a page, the number of its first turn, where the page after it begins, and of the first page the time of the session's first row.

    Turn 0 begins with no prompt.
    """
    first_at = None
    parameters = view.parameters() | key_parameters(key) | {"characters": PROMPT_CHARACTERS, "fetch": limit + 1}
    found = rows(connection, _sql("prompts"), parameters)
    if key == BEGINNING:
        number = 1
        until = sql_time(key_of(found[0])[0] if found else END[0])
        first = one_row(connection, _sql("first"), {"session_id": view.session_id, "until": until})
        first_at = first["first_at"]
        if first["is_before"]:
            number, found = 0, [_turn_zero(), *found]
    else:
        number = prompts_before(connection, view, _key(found[0])) + 1 if found else 0
    return found[:limit], number, _key(found[limit]) if len(found) > limit else None, first_at


def _turn_zero() -> Row:
    return {"id": None, "timestamp": None, "prompt": None, "prompt_is_cut": False}


def _key(beginning: Row) -> Key:
    return _TURN_ZERO if beginning["id"] is None else key_of(beginning)


def _with_sums(
    connection: Connection, view: View, beginnings: Sequence[Row], following: Key, idle_gap: timedelta, first_at: str | None
) -> list[Row]:
    begins = [_key(each)[0] for each in beginnings]
    # The first turn of all has what comes before its prompt too. The time of the session's first row bounds what is read.
    since = sql_time(begins[0]) if first_at is None else first_at
    parameters = {"session_id": view.session_id, "times": sql_times(begins), "since": since, "until": sql_time(following[0])}

    def by_place(name: str) -> dict[int, list[Row]]:
        found: dict[int, list[Row]] = defaultdict(list)
        for row in rows(connection, _sql(name), parameters):
            found[max(row.pop("place") - 1, 0)].append(row)
        return found

    tools, files, threads, usage = (by_place(name) for name in ("tools", "files", "threads", "usage"))
    # A session's start may be earlier than its first row.
    begun = begins[0] if first_at is None else NO_TIME
    times = {"begins": sql_times([begun, *begins[1:]]), "ends": sql_times([*begins[1:], following[0]])}
    active = rows(connection, _sql("active"), times | {"session_id": view.session_id, "idle_gap": idle_gap})
    seconds = {row["place"] - 1: row["active_us"] / 1e6 for row in active}
    return [
        _turn(beginning, tools[place], files[place], threads[place], usage[place]) | {"active_seconds": seconds.get(place, 0.0)}
        for place, beginning in enumerate(beginnings)
    ]


def _turn(beginning: Row, tools: list[Row], files: list[Row], threads: list[Row], calls: list[Row]) -> Row:
    lasts = [row["last_at"] for row in threads if row["last_at"] is not None]
    firsts = [row["first_at"] for row in threads if row["first_at"] is not None]
    starts: datetime | None = beginning["timestamp"] or min(firsts, default=None)
    used, models = Usage(), []
    for row in calls:
        model = row.pop("model")
        models += [model] if model is not None else []
        used = used.plus(usage_of(row))
    shown: dict[str, Any] = {
        # The prompt; of turn 0 nothing.
        "first_item_id": None if beginning["id"] is None else str(beginning["id"]),
        "prompt": beginning["prompt"],
        "prompt_is_cut": beginning["prompt_is_cut"],
        "start_time": starts,
        "end_time": max(lasts, default=starts),
        "messages": sum(row["messages"] for row in threads),
        "tool_calls": sum(row["calls"] for row in tools),
        "tool_errors": sum(row["errors"] for row in tools),
        "tools": tools,
        "files": files[:MOST_FILES],
        "files_left_out": max(len(files) - MOST_FILES, 0),
        "lines_added": sum(row["lines_added"] for row in files),
        "lines_removed": sum(row["lines_removed"] for row in files),
        "models": models,
        "subagents": sorted(row["agent_id"] for row in threads if row["agent_id"] is not None),
    }
    return shown | used.shown()
