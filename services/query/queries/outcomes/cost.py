"""Why a session cost what it cost. Its statements are in cost.sql; the parts of a cost are those of the view api_call_costs."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.query.answers.outcome import (
    MOST_REBUILDS,
    MOST_SUBAGENTS,
    CacheRebuild,
    ClientCache,
    ModelCost,
    SessionCost,
    SubagentCost,
)
from services.query.answers.stats import CostParts
from services.query.database import Connection, Row, fetch, fetch_by, fetch_first, rows
from shared.sql_files import SqlFile

_PARTS: Final = ("input_usd", "cache_write_usd", "cache_read_usd", "output_usd", "unknown_usd")
_PROMPT_CHARACTERS: Final = 300

REBUILDS: Final = SqlFile(__package__, "rebuilds.sql").rebuilds
_SQL: Final = SqlFile(__package__, "cost.sql", rebuilds=REBUILDS)


class TurnCost(Struct):
    """A turn's cost. `context_tokens`: None if the session's own thread had no call in it."""

    parts: CostParts | None = None
    context_tokens: int | None = None


class _Calls(Struct, kw_only=True):
    """The API calls of a session, of a model, or of a thread."""

    of: str
    model: str | None
    agent_id: str | None
    api_calls: int
    unpriced_calls: int
    cost_usd: float | None
    parts: CostParts | None
    most_context_tokens: int


def session_cost(connection: Connection, session_id: str) -> SessionCost:
    """A session's cost by part, model and subagent, and what was sent again since the cache did not have it any more."""
    costs = fetch(connection, _Calls, _SQL.costs, {"session_id": session_id}, _with_parts_of_sums)
    total = next(each for each in costs if each.of == "all")
    agents = [(each.agent_id, each) for each in costs if each.of == "thread" and each.agent_id is not None]
    wanted = {"session_id": session_id, "agents": [agent_id for agent_id, _ in agents[:MOST_SUBAGENTS]], "characters": _PROMPT_CHARACTERS}
    prompts = {row["agent_id"]: row["prompt"] for row in rows(connection, _SQL.subagent_prompts, wanted)} if agents else {}
    rebuilds = cache_rebuilds(connection, session_id, "-infinity", "infinity")
    return SessionCost(
        api_calls=total.api_calls,
        unpriced_calls=total.unpriced_calls,
        cost_usd=total.cost_usd,
        parts=total.parts,
        models=[
            ModelCost(each.model, each.api_calls, each.unpriced_calls, each.cost_usd, each.parts) for each in costs if each.of == "model"
        ],
        subagents_usd=_sum(calls.cost_usd for _, calls in agents),
        subagents=[
            SubagentCost(agent_id, prompts.get(agent_id), calls.api_calls, calls.unpriced_calls, calls.cost_usd)
            for agent_id, calls in agents[:MOST_SUBAGENTS]
        ],
        subagents_left_out=max(len(agents) - MOST_SUBAGENTS, 0),
        most_context_tokens=total.most_context_tokens,
        rebuilds=sorted(rebuilds, key=lambda rebuild: -rebuild.rewritten_tokens)[:MOST_REBUILDS],
        rebuilds_left_out=max(len(rebuilds) - MOST_REBUILDS, 0),
        client_cache=fetch_first(connection, ClientCache, _SQL.client_cache, {"session_id": session_id}),
        rebuilds_usd=_sum(rebuild.cost_usd for rebuild in rebuilds),
    )


def turn_costs(connection: Connection, parameters: Row) -> dict[int, TurnCost]:
    """By the turn's place on the page, from 1. `parameters`: session_id, times, since, until."""

    def prepare(row: Row) -> None:
        _with_parts(row, is_priced=row.pop("priced_calls") > 0)

    return fetch_by(connection, TurnCost, "place", _SQL.turn_costs, parameters, prepare)


def cache_rebuilds(connection: Connection, session_id: str, since: datetime | str, until: datetime | str) -> list[CacheRebuild]:
    """In order, of the calls in [since, until), times as Postgres writes them."""
    return fetch(connection, CacheRebuild, _SQL.rebuilds, {"session_ids": [session_id], "since": since, "until": until})


def _with_parts_of_sums(row: Row) -> None:
    _with_parts(row, is_priced=row["api_calls"] > row["unpriced_calls"])


def _with_parts(row: Row, *, is_priced: bool) -> None:
    """Takes the columns of the parts together; None if no call has a price."""
    parts = {name: row.pop(name) for name in _PARTS}
    row["parts"] = parts if is_priced else None


def _sum(costs: Iterable[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
