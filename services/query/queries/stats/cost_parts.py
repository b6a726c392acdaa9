"""The cost of a range by what was paid for. The parts add up to the cost that /api/usage tells; its statement is in cost_parts.sql."""

from typing import Final

from msgspec import Struct

from services.query.answers.stats import CostParts
from services.query.database import Connection, fetch_one
from services.query.queries.stats.ranges import at
from services.query.queries.stats.usage import UsageQuestion
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "cost_parts.sql", "parts.sql")


class _Calls(Struct, frozen=True):
    """Calls whose parts are known: whole nano dollars, as JSON has numbers."""

    known: float
    input: float
    cache_write: float
    output: float


def cost_parts(connection: Connection, question: UsageQuestion, cost_usd: float | None) -> CostParts | None:
    """The parts of `cost_usd`, which is that of the question's totals. None if no price is known."""
    if cost_usd is None:
        return None
    within = {"start": at(question.wanted.start), "end": at(question.wanted.end)}
    of_calls = {"model": question.model, "session_id": question.session_id, "branch": question.branch}
    calls = fetch_one(connection, _Calls, _SQL.cost_parts, question.selection.parameters() | within | of_calls)
    return CostParts(
        input_usd=calls.input / 1e9,
        cache_write_usd=calls.cache_write / 1e9,
        cache_read_usd=(calls.known - calls.input - calls.cache_write - calls.output) / 1e9,
        output_usd=calls.output / 1e9,
        unknown_usd=(round(cost_usd * 1e9) - calls.known) / 1e9,
    )
