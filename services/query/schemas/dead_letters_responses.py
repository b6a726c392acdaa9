"""What the endpoints of dead letters answer, for the OpenAPI document alone."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class DeadLetter(BaseModel):
    id: UUID
    kind: str = Field(description="`journal_entry` is a whole entry: not readable, or deadly to its worker.", examples=["conversation"])
    reason: str = Field(examples=["StringDataRightTruncation: value too long for type character varying(10)"])
    sqlstate: str | None = Field(examples=["22001"])
    status: Literal["waiting", "replaying", "stored"]
    event_id: UUID | None
    journal_entry_id: str = Field(description="The entry in which it first came; `import:` and the job's id if an import brought it.")
    request_id: str | None = Field(description="Of the request that brought it; the logs of every step carry it.")
    attempts: int = Field(description="How often it died.")
    replays: int
    received_at: datetime | None
    first_seen_at: datetime
    last_seen_at: datetime = Field(description="When it died last.")
    replayed_at: datetime | None
    stored_at: datetime | None
    payload_bytes: int = Field(description="0 once its event is stored.")


class ShownDeadLetter(DeadLetter):
    payload: str = Field(description="What died, secrets replaced; bytes that are no text are shown as \\xNN.")
    payload_is_cut: bool = Field(description="Only its beginning is shown.")


class DeadLetterGroup(BaseModel):
    kind: str
    reason: str
    sqlstate: str | None
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    newest: list[UUID] = Field(description="Up to three letters, newest first.")


class DeadLetterPage(BaseModel):
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")
    groups: list[DeadLetterGroup] = Field(description="All that pass the filters, by kind, reason and SQLSTATE; the 100 largest.")
    total: int = Field(description="Of all groups.")
    items: list[DeadLetter]
