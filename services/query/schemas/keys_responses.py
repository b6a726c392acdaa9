"""The shapes of keys and of the audit log. Documentation only, as in answers.py."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class ApiKey(BaseModel):
    id: str = Field(description="The part of the key that may be shown.")
    name: str
    scopes: list[Literal["ingest", "read", "metrics", "admin"]]
    user: str | None = Field(description="Whose its writes are; null: whoever they say.")
    project_ids: list[int] | None = Field(description="Of which projects its reads are; null: of all.")
    created_at: datetime
    last_used_at: datetime | None = Field(description="To about a minute; null: never.")
    revoked_at: datetime | None


class KeyPage(BaseModel):
    items: list[ApiKey]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")


class Act(BaseModel):
    id: int
    at: datetime
    who: str = Field(description="A key's id; `open`: none was needed; `machine`: a command beside the database.")
    key_name: str | None
    act: str = Field(examples=["key.create"])
    subject: str | None = Field(description="The id of what it was done to.")
    details: dict[str, Any]
    request_id: str | None


class AuditPage(BaseModel):
    items: list[Act]
    next_cursor: str | None = Field(description="Where the next page begins; null on the last.")
