"""The turns of a session: what a person asked, and all that followed until the next prompt, with its time, cost, tools and files.

Turn 0 has all before the first prompt, as in a session that goes on after a compaction: so the turns' sums are the session's. If two prompts have
one time, the rows that follow are of the latter's turn.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from services.query.answers.fields import Effort
from services.query.answers.outcome import CacheRebuild
from services.query.answers.timeline import Turn, TurnFile, TurnPage, TurnTool
from services.query.database import Connection, Kind, fetch, fetch_one
from services.query.queries.lists.paging import Paging
from services.query.queries.outcomes.cost import TurnCost, cache_rebuilds, turn_costs
from services.query.queries.timeline.item_order import (
    BEGINNING,
    END,
    NO_ID,
    NO_TIME,
    Key,
    Placed,
    View,
    key_parameters,
    sql_time,
    sql_times,
    with_key,
)
from services.query.queries.timeline.item_position import prompts_before
from services.query.queries.timeline.usage import Usage, added_up
from shared.sql_files import SqlFile

PROMPT_CHARACTERS: Final = 500
# The most files of a turn, so that a page is bounded.
MOST_FILES: Final = 100
_TURN_ZERO: Final[Key] = (NO_TIME, 0, NO_ID)

_SQL: Final = SqlFile(__package__, "turns.sql")


def turns(connection: Connection, session_id: str, paging: Paging, idle_gap: timedelta) -> TurnPage:
    """Turns in order, a page of them; none if the session has no events, or is not known."""
    view = View(session_id)
    after = paging.last_keys(("time", "int", "uuid"))
    key = BEGINNING if after is None else (NO_TIME if after[0] == "-infinity" else after[0], after[1], after[2])
    beginnings, number, following, first_at = _beginnings(connection, view, key, paging.limit)
    if not beginnings:
        return TurnPage([], None)
    items = _with_sums(connection, view, beginnings, number, END if following is None else following, idle_gap, first_at)
    at, rank, row_id = beginnings[-1].key
    return TurnPage(items, None if following is None else paging.next_cursor([None if at == NO_TIME else at, rank, row_id]))


class _Beginning(Placed, frozen=True):
    """The prompt that begins a turn. Turn 0 has none."""

    prompt: str | None
    prompt_is_cut: bool

    @property
    def item_id(self) -> str | None:
        """The prompt's."""
        return None if self.key == _TURN_ZERO else str(self.key[2])


class _First(Struct):
    """When a session's first row was, as Postgres writes it, and whether that is before the first prompt."""

    first_at: str | None
    is_before: bool


def _beginnings(connection: Connection, view: View, key: Key, limit: int) -> tuple[list[_Beginning], int, Key | None, str | None]:
    """The prompts of a page, the number of its first turn, where the page after it begins, and of the first page the time of the session's first row.

    Turn 0 begins with no prompt.
    """
    first_at = None
    parameters = view.parameters() | key_parameters(key) | {"characters": PROMPT_CHARACTERS, "fetch": limit + 1}
    found = fetch(connection, _Beginning, _SQL.prompts, parameters, with_key)
    if key == BEGINNING:
        number = 1
        until = sql_time(found[0].key[0] if found else END[0])
        first = fetch_one(connection, _First, _SQL.first, {"session_id": view.session_id, "until": until})
        first_at = first.first_at
        if first.is_before:
            number, found = 0, [_Beginning(_TURN_ZERO, None, prompt_is_cut=False), *found]
    else:
        number = prompts_before(connection, view, found[0].key) + 1 if found else 0
    return found[:limit], number, found[limit].key if len(found) > limit else None, first_at


class _Thread(Struct):
    """A thread's messages and times within a turn."""

    agent_id: str | None
    messages: int
    first_at: datetime | None
    last_at: datetime | None


class _Calls(Usage, frozen=True, kw_only=True):
    """Those of a model in a turn."""

    model: str | None
    thinking_ms: int | None
    efforts: list[Effort]


class _Active(Struct):
    place: int
    seconds: float


def _with_sums(
    connection: Connection,
    view: View,
    beginnings: Sequence[_Beginning],
    number: int,
    following: Key,
    idle_gap: timedelta,
    first_at: str | None,
) -> list[Turn]:
    """The turns, of which the first has this number."""
    begins = [each.key[0] for each in beginnings]
    # The first turn of all has what comes before its prompt too. The time of the session's first row bounds what is read.
    since = sql_time(begins[0]) if first_at is None else first_at
    parameters = {"session_id": view.session_id, "times": sql_times(begins), "since": since, "until": sql_time(following[0])}

    def by_place(kind: type[Kind], name: str) -> dict[int, list[Kind]]:
        places: list[int] = []
        of_turns = fetch(connection, kind, _SQL[name], parameters, lambda row: places.append(max(row.pop("place") - 1, 0)))
        found: dict[int, list[Kind]] = defaultdict(list)
        for place, each in zip(places, of_turns, strict=True):
            found[place].append(each)
        return found

    tools, files, threads, calls = (
        by_place(TurnTool, "tools"),
        by_place(TurnFile, "files"),
        by_place(_Thread, "threads"),
        by_place(_Calls, "usage"),
    )
    costs = turn_costs(connection, parameters)
    rebuilds: dict[int, list[CacheRebuild]] = defaultdict(list)
    for rebuild in cache_rebuilds(connection, view.session_id, since, sql_time(following[0])):
        rebuilds[max(rebuild.turn, number)].append(rebuild)
    # A session's start may be earlier than its first row.
    begun = begins[0] if first_at is None else NO_TIME
    times = {"begins": sql_times([begun, *begins[1:]]), "ends": sql_times([*begins[1:], following[0]])}
    active = fetch(connection, _Active, _SQL.active, times | {"session_id": view.session_id, "idle_gap": idle_gap})
    seconds = {each.place - 1: each.seconds for each in active}
    return [
        _turn(
            number + place,
            beginning,
            tools[place],
            files[place],
            threads[place],
            calls[place],
            seconds.get(place, 0.0),
            costs.get(place + 1, TurnCost()),
            rebuilds[number + place],
        )
        for place, beginning in enumerate(beginnings)
    ]


def _turn(
    number: int,
    beginning: _Beginning,
    tools: list[TurnTool],
    files: list[TurnFile],
    threads: list[_Thread],
    calls: list[_Calls],
    active_seconds: float,
    cost: TurnCost,
    rebuilds: list[CacheRebuild],
) -> Turn:
    firsts = [thread.first_at for thread in threads if thread.first_at is not None]
    lasts = [thread.last_at for thread in threads if thread.last_at is not None]
    begun_at = beginning.key[0]
    start_time = begun_at if begun_at != NO_TIME else min(firsts, default=None)
    return Turn(
        *added_up(calls).totals(),
        number=number,
        first_item_id=beginning.item_id,
        prompt=beginning.prompt,
        prompt_is_cut=beginning.prompt_is_cut,
        start_time=start_time,
        end_time=max(lasts, default=start_time),
        active_seconds=active_seconds,
        messages=sum(thread.messages for thread in threads),
        tool_calls=sum(tool.calls for tool in tools),
        tool_errors=sum(tool.errors for tool in tools),
        tools=tools,
        files=files[:MOST_FILES],
        files_left_out=max(len(files) - MOST_FILES, 0),
        lines_added=sum(file.lines_added for file in files),
        lines_removed=sum(file.lines_removed for file in files),
        models=[each.model for each in calls if each.model is not None],
        efforts=list(dict.fromkeys(effort for each in calls for effort in each.efforts)),
        thinking_ms=sum(thought) if (thought := [each.thinking_ms for each in calls if each.thinking_ms is not None]) else None,
        subagents=sorted(thread.agent_id for thread in threads if thread.agent_id is not None),
        cost_parts=cost.parts,
        context_tokens=cost.context_tokens,
        rebuilds=rebuilds,
    )
