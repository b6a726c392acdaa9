"""Prices in use, and runs that priced stored calls anew."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import JobFailure, NextCursor, doc
from services.query.database import Connection, fetch, fetch_first
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_Usd = Annotated[float, doc("US dollars for a million tokens.")]


class ModelPrice(Answer):
    id: UUID
    source: Annotated[
        Literal["list", "file", "api"],
        doc(
            "`list`: the price list that the workers have. `file`: their file, TRACKER_PRICES. `api`: PUT /api/prices. The last two come first."
        ),
    ]
    version: Annotated[str, doc("What calls that it prices have as their price's version.", examples=["genai-prices 0.2.3"])]
    model: Annotated[
        str, doc("A model of the list; else a name, or a pattern in which * stands for any text.", examples=["claude-opus-4-6"])
    ]
    tier: Literal["standard", "fast"]
    valid_from: Annotated[date | None, doc("The first day that it holds for, UTC; null: always.")]
    above_input_tokens: Annotated[int, doc("It holds for calls of more input tokens than these, cached or not.")]
    input: _Usd
    output: _Usd
    cache_write_5m: _Usd
    cache_write_1h: _Usd
    cache_read: _Usd
    web_search: Annotated[float, doc("US dollars for a thousand web searches.")]
    is_overridden: Annotated[bool, doc("Of the list: today a price of one's own comes before it.")]
    changed_at: Annotated[datetime, doc("When it was set, or when a worker first had it.")]


class Prices(Answer):
    items: Annotated[list[ModelPrice], doc("Prices of one's own first; of one model the newest first.")]


class RepricedModel(Answer):
    model: Annotated[str | None, doc("null: calls that name none.")]
    calls: Annotated[int, doc("Calls that were looked at.")]
    changed_calls: int
    changed_sessions: Annotated[int, doc("Sessions with a changed call.")]
    old_usd: Annotated[float, doc("What the changed calls cost before; those without a price count as 0.")]
    new_usd: Annotated[float, doc("What they cost now, or would cost.")]
    newly_priced: Annotated[int, doc("Changed calls that had no price before.")]
    no_longer_priced: Annotated[int, doc("Changed calls that have none any more: their price was taken back.")]
    unpriced_calls: Annotated[int, doc("Calls without a price before and after. Nothing prices their model.")]
    dropped_calls: Annotated[int, doc("Calls of sessions that retention has dropped. They have no rows, so what they cost stays.")]
    dropped_usd: float


class Reprice(Answer):
    reprice_id: UUID
    status: Literal["queued", "running", "succeeded", "failed"]
    dry_run: Annotated[bool, doc("True: it is counted and not changed.")]
    from_at: Annotated[datetime | None, doc("Calls from this time on; null: from the first.")]
    to_at: Annotated[datetime | None, doc("Calls before this time; null: to the last.")]
    model: Annotated[str | None, doc("Calls of the models that this pattern matches; null: of all.")]
    calls: Annotated[int, doc("Calls that were looked at.")]
    changed_calls: int
    old_usd: float
    new_usd: float
    models: Annotated[list[RepricedModel], doc("By model, those that changed most first.")]
    failure: JobFailure
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class RepricePage(Answer):
    items: list[Reprice]
    next_cursor: NextCursor


_SQL: Final = SqlFile(__package__, "prices.sql")


def prices(connection: Connection) -> Prices:
    """All: those of one's own first."""
    return Prices(fetch(connection, ModelPrice, _SQL.prices, {}))


def reprices(connection: Connection, paging: Paging) -> RepricePage:
    """The newest first."""
    parameters = paging.after(created_at="time", id="uuid") | {"id": None}
    items, next_cursor = page(connection, Reprice, _SQL.reprices, parameters, paging, ("created_at", "reprice_id"))
    return RepricePage(items, next_cursor)


def reprice(connection: Connection, reprice_id: UUID) -> Reprice | None:
    """One run."""
    return fetch_first(connection, Reprice, _SQL.reprices, {"id": reprice_id, "after_created_at": None, "after_id": None, "fetch": 1})
