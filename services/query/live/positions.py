"""Positions in the live feed, as the ids of server-sent events have them.

`<milliseconds>-<number>` is an entry of the Redis Stream, after its last item; `<milliseconds>-<number>-<index>` is after one item of it, from 0.
"""

import re
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"(\d{1,16})-(\d{1,9})(?:-(\d{1,6}))?", re.ASCII)
# Above every index.
_END: Final = 1_000_000


class Position(NamedTuple):
    """Positions are ordered as the feed is."""

    milliseconds: int
    number: int
    item: int = _END

    @property
    def entry_id(self) -> str:
        """The id of its entry in the stream."""
        return f"{self.milliseconds}-{self.number}"

    @property
    def event_id(self) -> str:
        """As it is sent."""
        return self.entry_id if self.item == _END else f"{self.entry_id}-{self.item}"


MOST_NUMBER: Final = 999_999_999
BEFORE_ALL: Final = Position(0, 0)


def position_of(text: str) -> Position | None:
    """The position that an event's id, or an entry's, names. None if it is neither."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    milliseconds, number, index = found.groups()
    return Position(int(milliseconds), int(number), _END if index is None else int(index))
