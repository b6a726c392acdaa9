"""Two periods side by side."""

from typing import Annotated, Literal

from msgspec import UNSET, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import DroppedSessions, IsKept, doc
from services.query.answers.stats import UsageRange

Measure = Literal[
    "sessions", "active_sessions", "active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "lines_removed",
    "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens", "api_calls", "unpriced_calls", "cost_usd",
    "calls", "success", "errors", "rejected", "cancelled", "pending", "error_rate", "share", "p50_ms", "p95_ms",
]  # fmt: skip


class Change(Answer):
    measure: Annotated[Measure, doc("As in /api/usage, /api/tool-calls/stats and /api/tool-calls/errors.")]
    value: Annotated[
        float | None, doc("In the range. null if it is not known there, as the cost of calls without a price, or a rate without calls.")
    ]
    before: Annotated[float | None, doc("In the range before.")]
    difference: Annotated[
        float | None, doc("`value` − `before`; null if one of them is. Of a rate or a share it is in points: 0.007 is 0.7 points.")
    ]


class ChangeOfGroup(Change, kw_only=True):
    """A measure of one group; of the first fields it has those of its `group_by`."""

    project_id: Annotated[int | UnsetType | None, doc("null if unknown.")] = UNSET
    project_name: str | UnsetType | None = UNSET
    user: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    model: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    branch: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    machine_id: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    machine: Annotated[str | UnsetType | None, doc("The machine's name.")] = UNSET
    group: Annotated[str | UnsetType | None, doc("null: of projects in no group.")] = UNSET
    repository: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    is_kept: IsKept | UnsetType = UNSET
    tool_name: str | UnsetType = UNSET
    error_class: str | UnsetType = UNSET


class Comparison(Answer):
    range: UsageRange
    range_before: Annotated[UsageRange, doc("What it is compared with.")]
    group_by: str
    dropped_sessions: DroppedSessions
    dropped_sessions_before: Annotated[int, doc("The same of the range before.")]
    totals: Annotated[list[Change], doc("Each measure of everything together.")]
    items: Annotated[
        list[ChangeOfGroup],
        doc(
            "Each measure of each group: first the groups that moved most, by the difference of their cost; of tools and error classes, of "
            "their calls. A group that is in one of the ranges alone has zeros in the other."
        ),
    ]
