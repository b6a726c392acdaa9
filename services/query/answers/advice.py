"""Advice on costs that can be spared, from the stored rows. No model writes it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import CostUsd, UnpricedCalls, doc
from services.query.answers.stats import UsageRange

MOST_SESSIONS = 5

AdviceName = Literal["pauses", "switches", "contexts", "failures", "retries", "rereads", "prompts", "servers", "rework"]
AdviceUnit = Literal["rebuilds", "sessions", "calls", "reads", "prompts", "lines"]


class AdvisedSession(Answer):
    session_id: str
    title: str | None
    project_name: str | None
    start_time: datetime | None
    amount: Annotated[float, doc("Its part of the line's amount.")]
    cost_usd: CostUsd
    item_id: Annotated[UUID | None, doc("The last of what is meant, for `around` of the timeline; null if no item shows it.")]


class AdviceLine(Answer):
    sentence: Annotated[str, doc("What happened, in numbers.", examples=["Failed 4 times, 3 times with no file changed since."])]
    subject: Annotated[str | None, doc("The command, file, server or rule that is meant; null if there is none.", examples=["git push"])]
    amount: Annotated[float, doc("In the `unit` of its kind.")]
    cost_usd: CostUsd
    failed_command: Annotated[str | None, doc("The beginning of one that failed, where another worked.", examples=["git push"])]
    fix: Annotated[
        str | None,
        doc(
            "What to type, to add, or what worked instead; null if nothing stored tells it.",
            examples=["git push --set-upstream origin main"],
        ),
    ]
    examples: Annotated[list[AdvisedSession], doc(f"The {MOST_SESSIONS} dearest sessions. A key that sees only numbers gets none.")]
    sessions: int


class AdviceKind(Answer):
    kind: AdviceName
    heading: str
    counted: Annotated[str, doc("How it is counted.")]
    act: Annotated[str, doc("What to do about it.")]
    unit: AdviceUnit
    amount: Annotated[float, doc("Of all lines.")]
    cost_usd: CostUsd
    is_estimated: Annotated[bool, doc("Whether the cost is that of an average call of the session, times the calls.")]
    lines: Annotated[list[AdviceLine], doc("The dearest first.")]
    lines_left_out: int


class EffortMeasures(Answer):
    """Failures, retries and the cost of edits with one model, or on one side of a day. The work differed, so they prove nothing."""

    of: Annotated[str, doc("The model; of a split `before` or `after`.")]
    sessions: int
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
    tool_calls: Annotated[int, doc("Calls that ended, well or not.")]
    failed_calls: Annotated[int, doc("Errors and timeouts, without searches that found nothing.")]
    edits: Annotated[int, doc("Changes of files that worked.")]
    first_tries: Annotated[int, doc("Edits that worked where the edit of the same file before, if any, had not failed.")]
    retries: Annotated[int, doc("Calls that repeat a failed call of the same tool with the same parameters.")]
    cost_per_edit_usd: Annotated[float | None, doc("The cost of the threads that edited, by edit; null without edits or a price.")]


class Advice(Answer):
    range: UsageRange
    sessions: Annotated[int, doc("Sessions that were read: the newest, up to 60,000 tool and API calls.")]
    sessions_left_out: Annotated[int, doc("Older sessions of the range that were not read. Give a shorter range for them.")]
    read_since: Annotated[datetime | None, doc("When the oldest session that was read began.")]
    kinds: Annotated[list[AdviceKind], doc("The dearest first.")]
    models: Annotated[list[EffortMeasures], doc("Threads in which one model alone answered, by model.")]
    split: Annotated[list[EffortMeasures], doc("Before and from the day `split`; empty without one.")]
