"""What a session has within some dates."""

from pydantic import BaseModel, Field

from services.query.schemas.fields import Commands, CostUsd, UnpricedCalls


class SessionShare(BaseModel):
    """Sums of a session's rows within the dates. Those of neighbouring dates add up to the session's own, distinct files aside."""

    active_minutes: float
    user_messages: int = Field(description="Prompts.")
    commands: Commands
    messages: int = Field(description="Prompts and answers.")
    tool_calls: int
    tool_errors: int
    files_modified: int = Field(description="Number of distinct files.")
    lines_added: int
    lines_removed: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
