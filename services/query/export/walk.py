"""A session from its beginning to its end, with what a subagent did below the call that started it; in memory there is a page for each level."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from services.query.answers.timeline import SubagentItem, SubagentSummary, TimelineItem, ToolCallItem

# A subagent that is started below so many others is named, and what it did is left out.
MOST_LEVELS: Final = 20

# The pages of a thread: of the session's own for None, or of a subagent.
ReadThread = Callable[[str | None], Iterator[list[TimelineItem]]]


class Item(Struct):
    """An item of the timeline, and below how many subagents it is."""

    level: int
    item: TimelineItem


class Begin(Struct):
    """The items of a subagent follow; `level` is that of the call that started it."""

    level: int
    subagent: SubagentSummary


class End(Struct):
    """The items of a subagent end."""

    level: int


Step = Item | Begin | End


def walk(read: ReadThread) -> Iterator[Step]:
    """All items in order. Each subagent is shown once."""
    return _thread(read, None, 0, set())


def _thread(read: ReadThread, agent_id: str | None, level: int, seen: set[str]) -> Iterator[Step]:
    for page in read(agent_id):
        # Items that were shown need not be kept while a subagent is read.
        items = deque(page)
        page.clear()
        while items:
            item = items.popleft()
            subagent = item.subagent if isinstance(item, ToolCallItem | SubagentItem) else None
            is_shown = subagent is not None and subagent.items and subagent.agent_id not in seen and level + 1 < MOST_LEVELS
            # A subagent that no known call started is an item by itself: what it did says all that the item says.
            if not (is_shown and isinstance(item, SubagentItem)):
                yield Item(level, item)
            if subagent is None or not is_shown:
                continue
            seen.add(subagent.agent_id)
            yield Begin(level, subagent)
            yield from _thread(read, subagent.agent_id, level + 1, seen)
            yield End(level)
