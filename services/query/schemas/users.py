"""Users with their totals: parameters and answer of their list."""

from datetime import datetime

from pydantic import BaseModel, Field

from services.query.schemas.fields import CostUsd, Dated, OptionalProject, OptionalUser, Page


class UserList(Dated):
    project_id: OptionalProject = None
    user: OptionalUser = None


class User(BaseModel):
    name: str
    sessions: int
    active_minutes: float
    messages_count: int
    tool_calls_count: int
    cost_usd: CostUsd
    first_seen: datetime | None = Field(description="Start of the user's first session; null if unknown.")
    last_seen: datetime | None = Field(description="Time of the newest event in the user's sessions.")


class UserPage(Page):
    items: list[User]
