"""Blocks of five hours of usage."""

from datetime import datetime
from typing import Annotated, Final

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, NextCursor, UnpricedCalls, doc

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
