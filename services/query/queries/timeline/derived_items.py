"""A session without its texts: its threads, and the items that no row stands for.

- A model switch: the model of one of Claude's messages is not that of the message before in its thread. It comes before the message.
- An idle gap: nothing happened in the whole session, subagents included, for longer than the idle gap. It comes after the last event before it.
- A subagent that no known call started: it comes at its first time, in the session's own thread.
"""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import ClassVar, Final
from uuid import NAMESPACE_OID, UUID, uuid5

from msgspec import Struct, field

from services.query.database import Connection, fetch, fetch_by, fetch_first
from services.query.queries.timeline.item_order import (
    BEGINNING,
    GAP_RANK,
    NO_ID,
    NO_TIME,
    SUBAGENT_RANK,
    SWITCH_RANK,
    Key,
    Placed,
    View,
    key_parameters,
    with_key,
)
from shared.sql_files import SqlFile

_COUNTS: Final = SqlFile(__package__, "counts.sql")
_DERIVED: Final = SqlFile(__package__, "derived.sql")

# Found one by one.
MOST_SWITCHES: Final = 50


class Thread(Struct):
    """Numbers and times of one thread of a session. `items` are rows that are shown, `started` the subagents that its calls started.

    `items_before` and `prompts_before`: up to the outline's place. `has_models`: whether Claude's messages have more than one.
    """

    items: int = 0
    items_before: int = 0
    tool_calls: int = 0
    prompts: int = 0
    prompts_before: int = 0
    has_models: bool = False
    first_at: datetime | None = None
    last_at: datetime | None = None
    started: set[str] = field(default_factory=set)


class ModelSwitch(Placed, frozen=True):
    """Another model from the next message on, whose id is in its place."""

    agent_id: str | None
    from_model: str
    to_model: str

    @property
    def id(self) -> str:
        """The same on every page, as those of gaps and subagents."""
        return f"model_switch-{self.key[2]}"


class IdleGap(Placed, frozen=True):
    """From its place until something happened again."""

    until: datetime
    agent_id: ClassVar[None] = None

    @property
    def id(self) -> str:
        """Made of its time."""
        return f"idle_gap-{round(self.key[0].timestamp() * 1e6)}"


class LostSubagent(Placed, frozen=True):
    """A subagent that no known call started. The item is one of the session's own thread."""

    started_agent: str
    agent_id: ClassVar[None] = None

    @property
    def id(self) -> str:
        """Made of the subagent's."""
        return f"subagent-{self.started_agent}"


# An item that no row stands for.
Derived = ModelSwitch | IdleGap | LostSubagent


class Outline(Struct):
    """A view's threads and derived items, counted in all and up to a `place`. `derived` is in order."""

    view: View
    place: Key
    threads: dict[str | None, Thread]
    derived: list[Derived]

    @property
    def total_items(self) -> int:
        """How many items the view has."""
        return sum(thread.items for thread in self._shown()) + len(self.derived)

    @property
    def items_before(self) -> int:
        """How many items of the view come up to the place."""
        return sum(thread.items_before for thread in self._shown()) + bisect_right([each.key for each in self.derived], self.place)

    @property
    def prompts(self) -> int:
        """How many turns the session has."""
        return self.threads[None].prompts if None in self.threads else 0

    @property
    def prompts_before(self) -> int:
        """How many turns of the session begin up to the place."""
        return self.threads[None].prompts_before if None in self.threads else 0

    @property
    def has_models(self) -> bool:
        """Whether a thread of the view has more than one model."""
        return any(thread.has_models for thread in self._shown())

    def times(self) -> tuple[datetime, datetime] | None:
        """The first and the last time of the view's rows; None if none has a date."""
        firsts = [thread.first_at for thread in self._shown() if thread.first_at is not None]
        lasts = [thread.last_at for thread in self._shown() if thread.last_at is not None]
        return (min(firsts), max(lasts)) if firsts and lasts else None

    def _shown(self) -> list[Thread]:
        return [thread for agent_id, thread in self.threads.items() if self.view.shows(agent_id)]


class _ActiveTimes(Struct):
    """A session's times of activity in order: the first and the last event of each."""

    firsts: list[datetime]
    lasts: list[datetime]


def read_outline(connection: Connection, view: View, idle_gap: timedelta, place: Key = BEGINNING) -> Outline | None:
    """The outline of a view; None if the session is not known."""
    active = fetch_first(connection, _ActiveTimes, _DERIVED.active_times, {"session_id": view.session_id, "idle_gap": idle_gap})
    if active is None:
        return None
    outline = Outline(view, place, _threads(connection, view, place), [])
    outline.derived += [*_model_switches(connection, outline), *_idle_gaps(active, outline.times()), *_lost_subagents(outline)]
    outline.derived.sort(key=lambda each: each.key)
    return outline


def move(connection: Connection, outline: Outline, place: Key) -> None:
    """Counts up to another place."""
    outline.place, outline.threads = place, _threads(connection, outline.view, place)


def _threads(connection: Connection, view: View, place: Key) -> dict[str | None, Thread]:
    return fetch_by(connection, Thread, "agent_id", _COUNTS.threads, view.parameters() | key_parameters(place))


def _model_switches(connection: Connection, outline: Outline) -> list[ModelSwitch]:
    if not outline.has_models:
        return []
    parameters = outline.view.parameters() | {"rank": SWITCH_RANK}
    if not outline.view.all_threads:
        # From one switch to the next: cheaper than to compare all messages, as long as there are few.
        found = fetch(connection, ModelSwitch, _DERIVED.next_model_switches, parameters | {"most": MOST_SWITCHES}, with_key)
        if len(found) < MOST_SWITCHES:
            return found
    return fetch(connection, ModelSwitch, _DERIVED.model_switches, parameters, with_key)


def _idle_gaps(active: _ActiveTimes, times: tuple[datetime, datetime] | None) -> Iterable[IdleGap]:
    """Those between the view's first and last row: the pause before a subagent's first act is not the subagent's."""
    for last, until in zip(active.lasts, active.firsts[1:], strict=False):
        if times is not None and times[0] <= last and until <= times[1]:
            yield IdleGap((last, GAP_RANK, NO_ID), until)


def _lost_subagents(outline: Outline) -> Iterable[LostSubagent]:
    if not outline.view.is_main:
        return
    for agent_id in sorted(lost_subagents(outline.threads)):
        key = (outline.threads[agent_id].first_at or NO_TIME, SUBAGENT_RANK, _id_of_agent(agent_id))
        yield LostSubagent(key, agent_id)


@lru_cache(maxsize=4096)
def _id_of_agent(agent_id: str) -> UUID:
    return uuid5(NAMESPACE_OID, agent_id)


def lost_subagents(threads: dict[str | None, Thread]) -> set[str]:
    """Subagents to show by themselves, so that every thread can be reached from the session's own, by calls or from one of these."""
    reached: set[str | None] = set()
    _reach(threads, None, reached)
    started = {child for parent, thread in threads.items() for child in thread.started if child != parent}
    lost = set()
    # First those that nothing started; then what is left are rings, of which any member leads to the others.
    for agent_id in sorted((each for each in threads if each is not None), key=lambda each: (each in started, each)):
        if agent_id not in reached:
            lost.add(agent_id)
            _reach(threads, agent_id, reached)
    return lost


def _reach(threads: dict[str | None, Thread], start: str | None, reached: set[str | None]) -> None:
    waiting = [start]
    while waiting:
        agent_id = waiting.pop()
        if agent_id not in reached:
            reached.add(agent_id)
            waiting.extend(threads[agent_id].started if agent_id in threads else ())
