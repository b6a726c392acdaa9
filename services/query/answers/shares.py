"""What a session has within some dates."""

from typing import Annotated

from services.query.answers.answer import Answer
from services.query.answers.fields import Commands, CostUsd, UnpricedCalls, doc


class SessionShare(Answer):
    """Sums of a session's rows within the dates. Those of neighbouring dates add up to the session's own, distinct files aside."""

    active_minutes: float
    user_messages: Annotated[int, doc("Prompts.")]
    commands: Commands
    messages: Annotated[int, doc("Prompts and answers.")]
    tool_calls: int
    tool_errors: int
    files_modified: Annotated[int, doc("Number of distinct files.")]
    lines_added: int
    lines_removed: int
    input_tokens: int
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
