"""A listener's part of the feed: its filters and its key's rights. Listeners with the same view share what is encoded for them."""

from typing import Literal

import msgspec
from msgspec import Struct

from services.query.answers.live import LiveItem
from services.query.numbers_only import numbers_only
from shared.auth.keys import Grant
from shared.feed import FeedItem

# `all`: everything. `names`: no texts, but names of projects. `none`: no texts and no names of projects.
Texts = Literal["all", "names", "none"]

_encode = msgspec.json.Encoder().encode


class View(Struct, frozen=True):
    """A field that is None matches every item."""

    texts: Texts = "all"
    # Those that the key is bound to; with a group or repository, those of it that the key sees.
    projects: frozenset[int] | None = None
    # Those that the key is bound to, with their former names. It hears others' sessions that are shared.
    users: frozenset[str] | None = None
    project_id: int | None = None
    # All names of the user that is asked for.
    user_names: frozenset[str] | None = None
    session_id: str | None = None
    machine_ids: frozenset[str] | None = None
    tool_name: str | None = None
    kinds: frozenset[str] | None = None

    def passes(self, item: FeedItem) -> bool:
        """Whether the item passes the filters, and is of the key's projects."""
        return (
            (self.kinds is None or item.kind in self.kinds)
            and (self.projects is None or item.project_id in self.projects)
            and (self.project_id is None or item.project_id == self.project_id)
            and (self.session_id is None or item.session_id == self.session_id)
            and (self.tool_name is None or item.tool_name == self.tool_name)
            and (self.user_names is None or item.user in self.user_names)
            and (self.machine_ids is None or item.machine_id in self.machine_ids)
        )

    def must_be_shared(self, item: FeedItem) -> bool:
        """Whether the key may see the item only if its session is shared."""
        return self.users is not None and item.user not in self.users


def texts_for(grant: Grant | None) -> Texts:
    """How much a key sees of each item."""
    if grant is None or not grant.sees_only_numbers:
        return "all"
    return "names" if grant.sees_names else "none"


def encoded(item: FeedItem, texts: Texts) -> bytes:
    """The item as JSON."""
    if texts == "all":
        return _encode(item)
    shown = numbers_only(msgspec.to_builtins(item), LiveItem, names=texts == "names")
    return _encode({name: value for name, value in shown.items() if value is not None})
