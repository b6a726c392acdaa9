"""Tokens and cost of a session's API calls, added up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from services.query.database import Connection, Row, rows
from services.query.queries.timeline.item_order import View, sql_array, sql_time
from shared.sql_files import statement

# JavaScript's integers end here; elsewhere in the API sums are bounded likewise.
MOST: Final = 2**53 - 1
_NEXT: Final = timedelta(microseconds=1)

_sql = partial(statement, __package__, "usage.sql")


class Usage(Struct, frozen=True):
    """Sums over API calls. The cost is None as long as no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    api_calls: int = 0
    unpriced_calls: int = 0
    cost_nano_usd: int | None = None

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        mine, its = self.cost_nano_usd, other.cost_nano_usd
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_creation_tokens + other.cache_creation_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.api_calls + other.api_calls,
            self.unpriced_calls + other.unpriced_calls,
            its if mine is None else mine if its is None else mine + its,
        )

    @property
    def total_tokens(self) -> int:
        """All tokens, those read from the cache included."""
        tokens = self.input_tokens + self.output_tokens + self.cache_creation_tokens + self.cache_read_tokens
        return min(tokens, MOST)

    @property
    def cost_usd(self) -> float | None:
        """In USD."""
        return None if self.cost_nano_usd is None else self.cost_nano_usd / 1e9

    def shown(self) -> Row:
        """As it is answered."""
        names = (
            "input_tokens",
            "output_tokens",
            "cache_creation_tokens",
            "cache_read_tokens",
            "total_tokens",
            "api_calls",
            "unpriced_calls",
        )
        return {name: min(getattr(self, name), MOST) for name in names} | {"cost_usd": self.cost_usd}


class UsageByTime(Struct):
    """By thread: what its calls used up to each of some times, and in all."""

    by_thread: dict[str | None, dict[int, Usage]]

    def up_to(self, count: int, view: View) -> list[Usage]:
        """What the view's calls had used at each of the `count` times."""
        used: dict[int, list[Usage]] = defaultdict(list)
        for agent_id, places in self.by_thread.items():
            if view.counts_usage_of(agent_id):
                for place, usage in places.items():
                    used[place].append(usage)
        sums, so_far = [], Usage()
        for place in range(count):
            for usage in used.get(place, ()):
                so_far = so_far.plus(usage)
            sums.append(so_far)
        return sums

    def of_thread(self, agent_id: str | None) -> Usage:
        """All of one thread."""
        return _sum(self.by_thread.get(agent_id, {}).values())

    def total(self, view: View) -> Usage:
        """All that the view's calls used."""
        return _sum(each for agent_id, places in self.by_thread.items() if view.counts_usage_of(agent_id) for each in places.values())


def usage_by_time(
    connection: Connection, view: View, times: Sequence[datetime], since: datetime | None = None, until: datetime | None = None
) -> UsageByTime:
    """A session's usage at ascending times. With `since`, only of later calls; with `until`, only of calls up to then."""
    parameters = {
        "session_id": view.session_id,
        # A call counts from its own instant on.
        "times": sql_array(at + _NEXT for at in times),
        "since": None if since is None else sql_time(since),
        "until": None if until is None else sql_time(until),
    }
    by_thread: dict[str | None, dict[int, Usage]] = defaultdict(dict)
    for row in rows(connection, _sql("usage_by_time"), parameters):
        agent_id, place = row.pop("agent_id"), row.pop("place")
        by_thread[agent_id][place] = usage_of(row)
    return UsageByTime(dict(by_thread))


def usage_of(row: Row) -> Usage:
    """The sums of a row that has no other columns."""
    return Usage(**{name: None if value is None else int(value) for name, value in row.items()})  # type: ignore[arg-type]


def _sum(usages: Iterable[Usage]) -> Usage:
    total = Usage()
    for each in usages:
        total = total.plus(each)
    return total
