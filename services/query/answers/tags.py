"""Tags of sessions: parameters and answer of their list."""

from typing import Annotated

from services.query.answers.answer import Answer
from services.query.answers.fields import NextCursor, doc


class Tag(Answer):
    tag: str
    sessions: Annotated[int, doc("Number of sessions that have it.")]


class TagPage(Answer):
    items: list[Tag]
    next_cursor: NextCursor
