"""The shapes of tokens and cost. Documentation only, as in answers.py."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field


class UsageMeasures(BaseModel):
    input_tokens: int = Field(description="Neither written to nor read from the cache.")
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    total_tokens: int = Field(description="All four together.")
    api_calls: int
    unpriced_calls: int = Field(description="Calls whose price is not known: `cost_usd` is of the others.")
    cost_usd: float | None = Field(description="null where the price of nothing in the group is known; unknown is never 0.")


class UsageItem(UsageMeasures):
    """One of the groups; of the first fields it has those of its `group_by`."""

    day: date | None = Field(None, description="A day in `tz`.")
    model: str | None = Field(None, description="null: not known.")
    project_id: int | None = Field(None, description="null: not known.")
    project_name: str | None = None
    user: str | None = Field(None, description="null: not known.")


class UsageRange(BaseModel):
    """What was counted: [start, end), null where open."""

    start: datetime | None
    end: datetime | None
    tz: str


class Usage(BaseModel):
    range: UsageRange
    group_by: Literal["day", "model", "project", "user"]
    items: list[UsageItem] = Field(description="Days in their order and without holes; else by cost, then tokens, the largest first.")
    totals: UsageMeasures
    price_versions: list[str] = Field(description="The price lists that the costs of all stored calls come from.")
