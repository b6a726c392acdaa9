"""Blocks of five hours of usage: a report of what was used when, not of a limit's windows. Its statements are in usage_blocks.sql.

A block begins with the full UTC hour of the first usage after the block before, so each depends on those before it. But after five hours without usage a
block begins whatever was before. So the chain is made of the newest hours, back to such a pause: neither a range nor a page moves a block.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Struct

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, NextCursor, UnpricedCalls, doc
from services.query.database import Connection, Row, fetch_by, one_row
from services.query.queries.lists.paging import Paging
from services.query.queries.stats.ranges import HOUR
from services.query.queries.stats.stats import Selection
from shared.events.messages import LATEST
from shared.sql_files import SqlFile

BLOCK_HOURS: Final = 5
NOT_THE_LIMITS: Final = (
    "Blocks of five hours of usage, as it was observed. They are not the windows of Claude Code's limits: GET /api/quota has those, as Claude Code "
    "told them."
)


class BurnRate(Answer):
    """How fast it goes, in an hour of active time."""

    tokens_per_hour: float
    cost_usd_per_hour: Annotated[float | None, doc("null where `cost_usd` is.")]


class UsageBlock(Answer):
    start: Annotated[datetime, doc("The full UTC hour of the first usage after the block before.")]
    end: Annotated[datetime, doc("Five hours later; not included.")]
    last_at: Annotated[datetime | None, doc("The last call in it; null where `sessions` is.")]
    is_active: Annotated[bool, doc("Whether it is not over yet.")]
    gap_hours: Annotated[
        int | None, doc("Hours without usage between the end of the block before and this one's start; null for the first block of all.")
    ]
    sessions: Annotated[int | None, doc("Sessions with a call in it; null if retention has dropped some of its calls.")]
    models: Annotated[list[str] | None, doc("Models of these calls, by name; null where `sessions` is.")]
    dropped_calls: Annotated[
        int,
        doc("Calls in it that retention has dropped. The sums have them, but not with `model` or `machine`: nobody knows these of them."),
    ]
    active_minutes: Annotated[float, doc("Active time of the people in it. With `model` it is that of all models.")]
    input_tokens: Annotated[int, doc("Input tokens without cache writes and cache reads.")]
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: Annotated[int, doc("All four together.")]
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
    burn_rate: Annotated[BurnRate | None, doc("Of a block that is not over: its tokens and cost by its active time; null without any.")]


class UsageBlockPage(Answer):
    about: Annotated[str, doc("What these blocks are, and what they are not, for a person.", examples=[NOT_THE_LIMITS])]
    items: Annotated[list[UsageBlock], doc("The newest first.")]
    next_cursor: NextCursor


_SQL: Final = SqlFile(__package__, "usage_blocks.sql", "parts.sql")
_ACTIVITY_OF_ROWS: Final = SqlFile(__package__, "stats.sql", "parts.sql").activity_of_rows

_MICROSECONDS_A_MINUTE: Final = 60e6


class _Block(Struct, frozen=True):
    """`hour`: the full hour since 1970 that it begins with. `before`: that of the block before; None for the first of a chain."""

    hour: int
    before: int | None

    @property
    def start(self) -> datetime:
        return _time(self.hour)

    @property
    def end(self) -> datetime:
        return _time(self.hour + BLOCK_HOURS)


class _Sums(Struct, kw_only=True):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    api_calls: int = 0
    unpriced_calls: int = 0
    cost_nano_usd: float = 0
    active_us: float = 0


class _Calls(_Sums, kw_only=True):
    """Without active time, which is not a call's."""

    last_at: datetime | None = None
    sessions: int = 0
    models: list[str] = []
    dropped_calls: int = 0


def usage_blocks(
    connection: Connection, selection: Selection, model: str | None, within: tuple[datetime | None, datetime | None], paging: Paging
) -> UsageBlockPage:
    """The blocks that reach into [start, end), the newest first. None is an open side."""
    start, end = within
    before = paging.after(hour="int")["after_hour"]
    until = (LATEST if end is None else end).timestamp()
    if before is not None:
        until = max(min(until, before * HOUR), 0)
    parameters = selection.parameters() | {"model": model, "grain": 15 if selection.reads_rows else 60, "until": until}
    hours = _SQL.hours_of_model if model is not None else _of(selection, _SQL.hours)
    chain = _newest(connection, hours, parameters, start, paging.limit)
    found = [block for block in reversed(chain) if start is None or block.end > start]
    shown = found[: paging.limit]
    return UsageBlockPage(
        about=NOT_THE_LIMITS,
        items=_items(connection, selection, parameters, shown),
        next_cursor=paging.next_cursor([shown[-1].hour]) if len(found) > len(shown) else None,
    )


def _newest(connection: Connection, sql: str, parameters: Row, start: datetime | None, limit: int) -> list[_Block]:
    """The newest blocks, rising: one more than the limit at least, or those back to one that ends before the start, or all."""
    most = 2 * BLOCK_HOURS * (limit + 1)
    while True:
        found = one_row(connection, sql, parameters | {"most": most})["hours"]
        is_all = len(found) < most
        hours = sorted(set(found))
        chain = _chain(hours if is_all else _after_a_pause(hours))
        if is_all or len(chain) > limit or (start is not None and chain and chain[0].end <= start):
            return chain
        most *= 4


def _after_a_pause(hours: Sequence[int]) -> Sequence[int]:
    """Those from the first on that surely begins a block, whatever was before."""
    surely = (number for number in range(1, len(hours)) if hours[number] - hours[number - 1] >= BLOCK_HOURS)
    return hours[next(surely, len(hours)) :]


def _chain(hours: Iterable[int]) -> list[_Block]:
    """Blocks of rising hours that have usage."""
    chain: list[_Block] = []
    for hour in hours:
        if not chain or hour >= chain[-1].hour + BLOCK_HOURS:
            chain.append(_Block(hour, chain[-1].hour if chain else None))
    return chain


def _items(connection: Connection, selection: Selection, parameters: Row, blocks: list[_Block]) -> list[UsageBlock]:
    """The blocks with their numbers. Sums outlive rows that retention has dropped; a model alone has only rows."""
    wanted = parameters | {"hours": [block.hour for block in blocks]}
    sums = fetch_by(connection, _Sums, "hour", _of(selection, _SQL.sums), wanted)
    calls = fetch_by(connection, _Calls, "hour", _SQL.calls, wanted)
    now = datetime.now(UTC)
    return [
        _item(
            block,
            sums.get(block.hour, _Sums()) if parameters["model"] is None else calls.get(block.hour, _Calls()),
            calls.get(block.hour, _Calls()),
            sums.get(block.hour, _Sums()).active_us / _MICROSECONDS_A_MINUTE,
            now,
        )
        for block in blocks
    ]


def _item(block: _Block, sums: _Sums, calls: _Calls, active_minutes: float, now: datetime) -> UsageBlock:
    is_active, is_kept = block.start <= now < block.end, not calls.dropped_calls
    tokens = sums.input_tokens + sums.output_tokens + sums.cache_creation_tokens + sums.cache_read_tokens
    is_priced = sums.api_calls > sums.unpriced_calls or sums.cost_nano_usd > 0
    cost_usd = sums.cost_nano_usd / 1e9 if is_priced else None
    return UsageBlock(
        start=block.start,
        end=block.end,
        last_at=calls.last_at if is_kept else None,
        is_active=is_active,
        gap_hours=None if block.before is None else block.hour - block.before - BLOCK_HOURS,
        sessions=calls.sessions if is_kept else None,
        models=calls.models if is_kept else None,
        dropped_calls=calls.dropped_calls,
        active_minutes=active_minutes,
        input_tokens=sums.input_tokens,
        output_tokens=sums.output_tokens,
        cache_creation_tokens=sums.cache_creation_tokens,
        cache_read_tokens=sums.cache_read_tokens,
        total_tokens=tokens,
        api_calls=sums.api_calls,
        unpriced_calls=sums.unpriced_calls,
        cost_usd=cost_usd,
        burn_rate=_burn_rate(tokens, cost_usd, active_minutes / 60) if is_active and active_minutes > 0 else None,
    )


def _burn_rate(tokens: int, cost_usd: float | None, active_hours: float) -> BurnRate:
    return BurnRate(tokens / active_hours, None if cost_usd is None else cost_usd / active_hours)


def _of(selection: Selection, sql: str) -> str:
    """A statement that reads activity_rollups, or what takes their place where rows are counted."""
    return _ACTIVITY_OF_ROWS + sql if selection.reads_rows else sql


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR, UTC)
