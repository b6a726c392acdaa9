"""Users with their totals: parameters and answer of their list."""

from datetime import datetime
from typing import Annotated

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, NextCursor, doc


class User(Answer):
    name: str
    sessions: int
    active_minutes: float
    messages_count: int
    tool_calls_count: int
    cost_usd: CostUsd
    first_seen: Annotated[datetime | None, doc("Start of the user's first session; null if unknown.")]
    last_seen: Annotated[datetime | None, doc("Time of the newest event in the user's sessions.")]


class UserPage(Answer):
    items: list[User]
    next_cursor: NextCursor
