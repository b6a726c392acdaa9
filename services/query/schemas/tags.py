"""Tags of sessions: parameters and answer of their list."""

from pydantic import BaseModel, Field

from services.query.schemas.fields import OptionalProject, OptionalUser, Page, Paged


class TagList(Paged):
    project_id: OptionalProject = None
    user: OptionalUser = None


class Tag(BaseModel):
    tag: str
    sessions: int = Field(description="Number of sessions that have it.")


class TagPage(Page):
    items: list[Tag]
