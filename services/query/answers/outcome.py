"""The outcome of a session, and why it cost what it cost. Turns have `CacheRebuild`, too."""

from datetime import date, datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.days import DayCommit, DayPullRequest
from services.query.answers.fields import CostUsd, UnpricedCalls, doc
from services.query.answers.stats import CostParts
from shared.claude_formats.call_outcome import RunResult

ASK_CHARACTERS: Final = 500
ANSWER_CHARACTERS: Final = 1_000
# The most of each list.
MOST_RAN_TESTS: Final = 10
MOST_FILES: Final = 100
MOST_FAILURES: Final = 10
MOST_SUBAGENTS: Final = 10
MOST_REBUILDS: Final = 10
MOST_DAYS: Final = 60

ItemId = Annotated[UUID, doc("For `around` of the timeline.")]
AgentOfItem = Annotated[str | None, doc("The subagent whose timeline has that item; null: the session's own.")]


class CacheRebuild(Answer):
    """An API call that had to send again what its thread had sent before, since it was no longer in the prompt cache."""

    timestamp: Annotated[datetime, doc("Of the call.")]
    agent_id: Annotated[str | None, doc("The subagent whose call it is; null: the session's own.")]
    turn: Annotated[int, doc("The turn that it belongs to; 0: before the first prompt.")]
    rewritten_tokens: Annotated[int, doc("Tokens that the call before had sent, and this one could not read from the cache.")]
    cost_usd: Annotated[float | None, doc("What it cost to write them to the cache again; null if no price is known.")]
    cause: Annotated[
        Literal["compaction", "model", "pause", "tools", "messages"],
        doc(
            "The first of these that holds. `compaction`: the conversation was compacted since the call before. `model`: another model; each has a cache of "
            "its own. `pause`: the call before was longer ago than the cache is kept, 5 minutes or an hour. `tools`: nothing could be read, so the beginning "
            "of the prompt was another: its tools or its system prompt, or the cache was dropped early. `messages`: its beginning was read, so an earlier "
            "message was another."
        ),
    ]
    pause_seconds: Annotated[float, doc("How long after the call before.")]
    cache_seconds: Annotated[int, doc("How long the cache of the call before is kept after its last use: 300 or 3600.")]


class OutcomeText(Answer):
    item_id: ItemId
    timestamp: datetime | None
    text: str
    is_cut: Annotated[bool, doc("Whether the message goes on.")]


class RanTests(Answer):
    """A command that ran tests, and how its last run ended."""

    command: Annotated[str, doc("The part of the shell command that runs the tests.")]
    runs: int
    failed_runs: int
    last_at: datetime | None
    last_item_id: Annotated[UUID, doc("The call of its last run, for `around` of the timeline.")]
    last_agent_id: AgentOfItem
    last_result: Annotated[
        RunResult,
        doc("By the summary that the test runner printed; without one, by how the call ended. `unknown`: neither tells."),
    ]
    passed: Annotated[int | None, doc("Tests that passed in the last run, as its summary says; null if it says nothing.")]
    failed: Annotated[int | None, doc("Tests that failed in the last run, errors included, as its summary says; null if it says nothing.")]


class OutcomeFile(Answer):
    file_path: str | None
    lines_added: int
    lines_removed: int
    changes: Annotated[int, doc("Number of changes.")]
    last_item_id: Annotated[UUID, doc("The call that made the last change, or the change; for `around` of the timeline.")]
    last_agent_id: AgentOfItem


class OutcomeFailure(Answer):
    tool_name: str
    error_class: str | None
    calls: int
    last_item_id: Annotated[UUID, doc("The last of these calls, for `around` of the timeline.")]
    last_agent_id: AgentOfItem


class ModelCost(Answer):
    model: str | None
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
    parts: CostParts | None


class SubagentCost(Answer):
    agent_id: str
    prompt: Annotated[str | None, doc("The beginning of what it was asked.")]
    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd


class ClientCache(Answer):
    """The prompt cache as Claude Code counted it, by the session's newest status line: for its own thread, since the client started."""

    read_at: Annotated[datetime, doc("When Claude Code said it.")]
    warm: Annotated[bool | None, doc("Whether the next call would have found it, at `read_at`; until `expires_at`, if it was.")]
    caching_observed: Annotated[bool | None, doc("Whether any call has read or written a cache.")]
    ttl: Annotated[str | None, doc("How long it is kept after its last use.", examples=["5m", "1h"])]
    expires_at: datetime | None
    requests: Annotated[int | None, doc("Calls of the API.")]
    misses: Annotated[
        int | None,
        doc("Calls that read less than 95 % of what was there, by 2,000 tokens or more. `rebuilds` has a coarser rule, and all threads."),
    ]
    expected_rebuilds: Annotated[int | None, doc("The same where Claude Code itself had changed the conversation, as by a compaction.")]
    hit_ratio: Annotated[float | None, doc("Input tokens that were read from it, of all, from 0 to 1.")]
    cache_write_tokens: int | None
    miss_recache_tokens: Annotated[int | None, doc("Tokens that the misses wrote again.")]
    last_miss_at: datetime | None
    last_miss_causes: Annotated[list[str], doc("In Claude Code's words; empty if it named none.", examples=[["tools_changed"]])]
    recache_tokens_if_cold: Annotated[int | None, doc("Tokens that the next call would write, had it gone cold.")]


class SessionCost(Answer):
    """Why a session cost what it cost."""

    api_calls: int
    unpriced_calls: UnpricedCalls
    cost_usd: CostUsd
    parts: Annotated[CostParts | None, doc("null if no call has a price.")]
    models: Annotated[list[ModelCost], doc("The dearest first.")]
    subagents_usd: Annotated[float | None, doc("What all subagents cost; null if there were none, or no price is known.")]
    subagents: Annotated[list[SubagentCost], doc(f"The {MOST_SUBAGENTS} dearest.")]
    subagents_left_out: int
    most_context_tokens: Annotated[int, doc("The most tokens that one call of the session's own thread sent, cached or not.")]
    rebuilds: Annotated[list[CacheRebuild], doc(f"The {MOST_REBUILDS} that rewrote most.")]
    rebuilds_left_out: int
    client_cache: Annotated[ClientCache | None, doc("null: no status line told of it.")]
    rebuilds_usd: Annotated[float | None, doc("What all rebuilds cost; null if there were none, or no price is known.")]


class SessionDay(Answer):
    date: Annotated[date, doc("A day in `tz`.")]
    first_item_id: Annotated[
        UUID | None,
        doc("What happened first on it, for `around` of the timeline; null if the session's own thread has no item of this day."),
    ]
    active_minutes: float
    asks: Annotated[int, doc("Prompts, and commands that Claude answered.")]
    tool_calls: int
    cost_usd: CostUsd


class SessionOutcome(Answer):
    session_id: str
    ask: Annotated[OutcomeText | None, doc(f"What Claude was asked first: the first {ASK_CHARACTERS} characters.")]
    answer: Annotated[
        OutcomeText | None,
        doc(
            f"What Claude said last: the first paragraph, at most {ANSWER_CHARACTERS} characters. One that ends with a colon goes on with the next."
        ),
    ]
    commits: Annotated[list[DayCommit], doc("Those that its shell commands made, as their results say.")]
    pull_requests: Annotated[list[DayPullRequest], doc("Those that its calls opened.")]
    tests: Annotated[list[RanTests], doc(f"Commands that ran tests, the last first; at most {MOST_RAN_TESTS}.")]
    tests_left_out: int
    files: Annotated[list[OutcomeFile], doc(f"The {MOST_FILES} files with most lines changed.")]
    files_left_out: int
    failures: Annotated[list[OutcomeFailure], doc(f"Calls that failed, by tool and class: the {MOST_FAILURES} most frequent kinds.")]
    failures_left_out: Annotated[int, doc("Kinds of failures beyond these.")]
    cost: SessionCost
    days: Annotated[list[SessionDay], doc(f"The days in `tz` on which something happened; the first {MOST_DAYS}.")]
    days_left_out: int
