"""Tokens and cost of a session's API calls, added up."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from msgspec import Struct

from services.query.database import Connection, fetch
from services.query.queries.timeline.item_order import View, sql_array, sql_time
from shared.sql_files import SqlFile

# JavaScript's integers end here; elsewhere in the API sums are bounded likewise.
MOST: Final = 2**53 - 1
_NEXT: Final = timedelta(microseconds=1)

_SQL: Final = SqlFile(__package__, "usage.sql")


class Totals(NamedTuple):
    """The fields with which answers that are UsageTotals begin, in their order (answers/timeline.py): `Turn(*totals, number=1, …)`."""

    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: int
    api_calls: int
    unpriced_calls: int
    cost_usd: float | None


class Usage(Struct, frozen=True, kw_only=True):
    """Sums over API calls. The cost is None as long as no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    api_calls: int = 0
    unpriced_calls: int = 0
    cost_nano_usd: float | None = None

    def plus(self, other: "Usage") -> "Usage":
        """Both together."""
        mine, its = self.cost_nano_usd, other.cost_nano_usd
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_creation_tokens=self.cache_creation_tokens + other.cache_creation_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
            api_calls=self.api_calls + other.api_calls,
            unpriced_calls=self.unpriced_calls + other.unpriced_calls,
            cost_nano_usd=its if mine is None else mine if its is None else mine + its,
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

    def totals(self) -> Totals:
        """As it is answered."""
        return Totals(
            input_tokens=min(self.input_tokens, MOST),
            output_tokens=min(self.output_tokens, MOST),
            cache_creation_tokens=min(self.cache_creation_tokens, MOST),
            cache_read_tokens=min(self.cache_read_tokens, MOST),
            total_tokens=self.total_tokens,
            api_calls=self.api_calls,
            unpriced_calls=self.unpriced_calls,
            cost_usd=self.cost_usd,
        )


class UsageByTime(Struct):
    """By thread: what its calls used up to each of some times, and in all."""

    by_thread: dict[str | None, dict[int, Usage]]

    def up_to(self, count: int, view: View) -> list[Usage]:
        """The usage of the view's calls up to each of the `count` times."""
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
        return added_up(self.by_thread.get(agent_id, {}).values())

    def total(self, view: View) -> Usage:
        """All that the view's calls used."""
        return added_up(each for agent_id, places in self.by_thread.items() if view.counts_usage_of(agent_id) for each in places.values())


class _Calls(Usage, frozen=True, kw_only=True):
    """Those of a thread between two of the times: after `place` of them."""

    agent_id: str | None
    place: int


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
    for calls in fetch(connection, _Calls, _SQL.usage_by_time, parameters):
        by_thread[calls.agent_id][calls.place] = calls
    return UsageByTime(dict(by_thread))


def added_up(usages: Iterable[Usage]) -> Usage:
    """All of them together."""
    total = Usage()
    for each in usages:
        total = total.plus(each)
    return total
