"""The cost of work by commit, pull request, branch or issue: the answer of /api/work."""

from datetime import datetime
from typing import Annotated, Final, Literal, get_args

from msgspec import UNSET, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, UnpricedCalls, doc
from services.query.answers.stats import UsageRange

WorkGroup = Literal["commit", "pull_request", "branch", "issue"]
WORK_GROUPS: Final[tuple[WorkGroup, ...]] = get_args(WorkGroup)


class WorkMeasures(Answer, kw_only=True):
    sessions: Annotated[int, doc("Sessions that have a part in it. One may have parts in several.")]
    turns: Annotated[int, doc("Prompts, and commands that Claude answered.")]
    active_minutes: Annotated[float, doc("Active time. Of two sessions at once both count.")]
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class WorkItem(WorkMeasures, kw_only=True):
    """A commit, pull request, branch or issue; of the first fields it has those of its `group_by`. All numbers are of what is within the dates."""

    commit: Annotated[str | UnsetType | None, doc("Its hash, as short as git printed it; null if it printed nothing.")] = UNSET
    subject: Annotated[str | UnsetType, doc("The commit's.")] = UNSET
    pull_request: Annotated[str | UnsetType, doc("Its address.")] = UNSET
    branch: str | UnsetType = UNSET
    issue: Annotated[str | UnsetType, doc("As it is named.", examples=["#123", "ABC-123"])] = UNSET
    project_id: int | None
    project_name: str | None
    timestamp: Annotated[datetime | None, doc("When the commit was made, or the pull request opened; null of a branch and an issue.")]
    session_id: Annotated[str, doc("The session with the largest part in it.")]
    session_title: str | None


class WorkReport(Answer):
    range: UsageRange
    group_by: WorkGroup
    items: Annotated[list[WorkItem], doc("Those that cost most.")]
    left_out: Annotated[int, doc("How many more there are, beyond `limit`.")]
    others: Annotated[WorkMeasures, doc("These together.")]
    without: Annotated[
        WorkMeasures,
        doc("Work that led to none: what came after the last one, sessions without one, and what is in no session that is kept."),
    ]
    totals: Annotated[WorkMeasures, doc("`items`, `others` and `without` together: each call once. The cost is that of `/api/usage`.")]
