"""What made a number of the statistics: which rows, by which rule, from which source."""

from typing import Annotated, Final, Literal

from services.query.answers.answer import Answer
from services.query.answers.fields import doc
from services.query.answers.stats import UsageRange

Measure = Literal[
    "sessions",
    "messages",
    "tool_calls",
    "tool_errors",
    "lines_added",
    "lines_removed",
    "input_tokens",
    "output_tokens",
    "cache_creation_tokens",
    "cache_read_tokens",
    "total_tokens",
    "api_calls",
    "unpriced_calls",
    "cost_usd",
]
Rows = Literal["sessions", "messages", "tool_calls", "activities", "api_calls"]

# Of which rows each is the sum.
ROWS_OF: Final[dict[Measure, Rows]] = {
    "sessions": "sessions",
    "messages": "messages",
    "tool_calls": "tool_calls",
    "tool_errors": "tool_calls",
    "lines_added": "activities",
    "lines_removed": "activities",
    "input_tokens": "api_calls",
    "output_tokens": "api_calls",
    "cache_creation_tokens": "api_calls",
    "cache_read_tokens": "api_calls",
    "total_tokens": "api_calls",
    "api_calls": "api_calls",
    "unpriced_calls": "api_calls",
    "cost_usd": "api_calls",
}


class ExplainedRows(Answer):
    """Rows of one source, and what they add to the number."""

    rows_of: Annotated[
        Rows,
        doc(
            "What the rows are. `sessions` beside others: sessions of which only their own totals are known, as from claude.json; they count at their start."
        ),
    ]
    source: Annotated[str | None, doc("What brought them; null: a client that named no source.")]
    rows: int
    value: float


class ExplainedList(Answer):
    """A list that shows the rows."""

    address: Annotated[str, doc("A path of this API, with the filters.", examples=["/api/tool-calls?status=error&start_date=2024-01-15"])]
    shows: Annotated[str, doc("What it lists, for a person.")]


class Explanation(Answer):
    measure: Measure
    label: Annotated[str, doc("As the dashboard and the terminal name it.")]
    definition: Annotated[str, doc("What it means, for a person.")]
    rule: Annotated[str, doc("How rows become the number, for a person.")]
    range: UsageRange
    value: Annotated[float | None, doc("The number, as /api/usage and /api/stats have it. null: a cost of which nothing is known.")]
    rows: Annotated[int, doc("How many rows made it.")]
    sources: Annotated[list[ExplainedRows], doc("By source, the one that adds most first. With `dropped` they add up to `value`.")]
    dropped: Annotated[float, doc("What rows added that are not stored any more: they were older than sessions are kept.")]
    lists: list[ExplainedList]
