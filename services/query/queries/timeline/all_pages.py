"""A whole session's timeline from its beginning to its end, page by page, in bounded memory: for exports.

It holds a connection only while it reads a page. The sums go on from page to page, so that each page costs the same.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta

from msgspec.structs import replace

from services.query.answers.timeline import TimelineItem
from services.query.database import Connection
from services.query.queries.timeline.derived_items import read_outline
from services.query.queries.timeline.item_order import BEGINNING, View
from services.query.queries.timeline.item_position import prompts_before
from services.query.queries.timeline.page_keys import slice_after
from services.query.queries.timeline.timeline import SoFar, shown
from services.query.queries.timeline.usage import usage_by_time

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
