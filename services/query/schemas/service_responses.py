"""What the endpoints about the service itself answer, for the OpenAPI document alone."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class Health(BaseModel):
    status: Literal["alive"]


class Readiness(BaseModel):
    status: Literal["ready"]
    journal_entries: int
    journal_oldest_seconds: float


class Canary(BaseModel):
    """The newest that is stored; all null before the first."""

    id: UUID | None
    sent_at: datetime | None
    stored_at: datetime | None


class Accounting(BaseModel):
    """accepted = persisted + duplicate + dead + pending; while events go through, `drift` says whether it holds."""

    accepted: int = Field(
        description="Events that came into the journal since it was made, canaries too; those of imports do not go through it."
    )
    persisted: int
    duplicate: int
    dead: int
    pending: int
    drift: int = Field(description="Events that are missing from the equation or too many in it. 0 if all is well.")
    alarms: int = Field(description="How often the check of each minute found drift.")
    former_epochs: int = Field(description="Journals that were replaced by this one; their events are not in these numbers.")
    canary_age_seconds: float | None = Field(
        description="How long ago the newest canary that came back was sent, or since the service's start if that is later; null without canaries."
    )
