"""The reports of query hosts to the worker: which purges their search index has behind it. A hash in Redis with a field for each host."""

from typing import Final

from msgspec import Struct

HOSTS_KEY: Final = "tracker:search-hosts"
# A host writes its field every ten seconds. One that is not seen for this long is off: it purges before it answers again.
ALIVE_SECONDS: Final = 60.0


class SearchHost(Struct, frozen=True):
    """The value of a field, in JSON. `seen_at`: in Unix seconds. `purged`: no text from before this purge is in the host's index.

    `waiting`: sessions that are not in it as they are; `texts`: texts, the oldest since so many seconds. `is_whole`: nothing else is left out.
    """

    seen_at: float
    purged: int
    waiting: int = 0
    texts: int = 0
    oldest_seconds: float = 0.0
    is_whole: bool = False
