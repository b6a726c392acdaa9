"""A page of a session's timeline: its items with their offset, turn, and cost and tokens so far."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from services.query.answers.timeline import TimelineItem
from services.query.database import Connection
from services.query.queries.lists.paging import PAGE_BYTES
from services.query.queries.timeline.bodies import Place, read_items
from services.query.queries.timeline.derived_items import Outline, read_outline
from services.query.queries.timeline.item_order import BEGINNING, NO_TIME, Key, View
from services.query.queries.timeline.item_position import is_prompt, just_after, prompts_before, prompts_between
from services.query.queries.timeline.page_keys import Slice, Slot, slice_after, slice_before
from services.query.queries.timeline.usage import Usage, UsageByTime, usage_by_time


class TimelinePage(Struct):
    """Items, first the earliest, with the places of the first and the last of them, and whether there are more before and behind them."""

    items: list[TimelineItem]
    first: Key | None
    last: Key | None
    has_before: bool
    has_after: bool
    usage: UsageByTime


class SoFar(Struct, frozen=True):
    """The items before an item: how many, how many prompts, and what the API calls up to its time used."""

    offset: int = 0
    turn: int = 0
    usage: Usage = Usage()


def page_after(connection: Connection, outline: Outline, limit: int) -> TimelinePage:
    """The items after the outline's place."""
    return _page(connection, outline, slice_after(connection, outline, outline.place, limit).slots)


def page_before(connection: Connection, outline: Outline, limit: int) -> TimelinePage:
    """The items up to the outline's place: those next to it."""
    return _page(connection, outline, slice_before(connection, outline, just_after(outline.place), limit).slots)


def page_around(connection: Connection, outline: Outline, limit: int) -> TimelinePage:
    """The item after the outline's place in the middle of those next to it."""
    before = limit // 2
    earlier = slice_before(connection, outline, just_after(outline.place), before, PAGE_BYTES // 2) if before else Slice([], has_more=False)
    later = slice_after(connection, outline, outline.place, limit - before, PAGE_BYTES // 2)
    return _page(connection, outline, [*earlier.slots, *later.slots])


def _page(connection: Connection, outline: Outline, slots: Sequence[Slot]) -> TimelinePage:
    usage = usage_by_time(connection, outline.view, [slot.key[0] for slot in slots])
    if not slots:
        return TimelinePage([], None, None, has_before=False, has_after=False, usage=usage)
    earlier = [slot for slot in slots if slot.key <= outline.place]
    if outline.view.agent_id is None:
        turn = outline.prompts_before - sum(is_prompt(slot.key, slot.agent_id) for slot in earlier)
    else:
        # Prompts are not among a subagent's items.
        turn = prompts_before(connection, outline.view, slots[0].key)
    before = SoFar(outline.items_before - len(earlier), turn)
    items, after = shown(connection, outline, slots, before, usage, usage)
    return TimelinePage(items, slots[0].key, slots[-1].key, before.offset > 0, after.offset < outline.total_items, usage)


def shown(
    connection: Connection, outline: Outline, slots: Sequence[Slot], before: SoFar, at_page: UsageByTime, in_all: UsageByTime
) -> tuple[list[TimelineItem], SoFar]:
    """The items of some slots in full, and what comes before the item after them. `at_page` has the usage by the slots' times that `before` lacks."""
    turns = _turns(connection, outline, slots, before.turn)
    used = [before.usage.plus(usage) for usage in at_page.up_to(len(slots), outline.view)]
    if slots and before.offset + len(slots) == outline.total_items:
        # Calls that no item follows, as those of subagents that went on longer, are in the sum at the last item.
        used[-1] = max(used[-1], in_all.total(outline.view), key=lambda usage: usage.api_calls)
    places = [
        Place(
            id=slot.id,
            timestamp=None if slot.key[0] == NO_TIME else slot.key[0],
            agent_id=slot.agent_id,
            offset=offset,
            turn=turn,
            cost_usd_so_far=usage.cost_usd,
            tokens_so_far=usage.total_tokens,
        )
        for offset, (slot, turn, usage) in enumerate(zip(slots, turns, used, strict=True), before.offset)
    ]
    items = read_items(connection, outline, in_all, slots, places)
    return items, SoFar(before.offset + len(slots), turns[-1], used[-1]) if slots else before


def _turns(connection: Connection, outline: Outline, slots: Sequence[Slot], turn: int) -> list[int]:
    """The turn of each slot, given that of the place before the first one."""
    if not slots:
        return []
    view = outline.view
    if view.agent_id is None:
        return list(accumulate((is_prompt(slot.key, slot.agent_id) for slot in slots), initial=turn))[1:]
    prompts = prompts_between(connection, view, slots[0].key, slots[-1].key)
    return [turn + bisect_left(prompts, slot.key) for slot in slots]


PAGE_ITEMS = 200


def whole_timeline(
    connect: Callable[[], AbstractContextManager[Connection]], view: View, idle_gap: timedelta
) -> Iterator[list[TimelineItem]]:
    """The items of a view in order, as lists; none if the session is not known. Rows that arrive meanwhile are there if their place is still to come.

    `parameters` of a tool call are msgspec.Raw.
    """
    with connect() as connection:
        outline = read_outline(connection, view, idle_gap)
        in_all = usage_by_time(connection, view, [])
    if outline is None:
        return
    key, so_far, since = BEGINNING, SoFar(), None
    while True:
        with connect() as connection:
            found = slice_after(connection, outline, key, PAGE_ITEMS)
            if not found.slots:
                return
            until = found.slots[-1].key[0]
            if view.agent_id is not None:
                # Prompts are not among a subagent's items.
                so_far = replace(so_far, turn=prompts_before(connection, view, found.slots[0].key))
            used = usage_by_time(connection, view, [slot.key[0] for slot in found.slots], since, until)
            items, so_far = shown(connection, outline, found.slots, so_far, used, in_all)
        yield items
        if not found.has_more:
            return
        key, since = found.slots[-1].key, until
