"""Saved views: answer of their list."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc


class SavedView(Answer):
    id: UUID
    name: str
    address: Annotated[str, doc("Path and query of a page of the dashboard.")]
    created_by: Annotated[str | None, doc("The name of the key that saved it; null if no key was needed.")]
    created_at: datetime


class SavedViewPage(Answer):
    items: list[SavedView]
    next_cursor: NextCursor
