"""Fields that several answers have, and the pages of lists."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.query.answers.answer import Answer
from shared.terms import terms


def doc(description: str, examples: list[Any] | None = None) -> Any:
    """A field's description in the OpenAPI document, for `Annotated[…]`."""
    return Field(description=description, examples=examples)


def measure(name: str, also: str = "", **more: Any) -> Any:
    """The field of an answer that has a measure's definition (shared/terms.json), and what else is to be said of it."""
    return Field(description=f"{terms().measures[name].definition} {also}".rstrip(), **more)


Decision = Literal["accept", "reject", "cancelled", "other"]
DecisionTeller = Literal["transcript", "telemetry"]
DecisionSource = Literal["rule", "config", "classifier", "hook", "user_temporary", "user_permanent", "user_reject", "user_abort", "other"]
Effort = Literal["low", "medium", "high", "xhigh", "max", "other"]
UnpricedCalls = Annotated[int, measure("unpriced_calls")]
CacheSavedUsd = Annotated[float | None, measure("cache_saved_usd", "null if it is known of no call.")]
SessionSavedUsd = Annotated[float | None, measure("cache_saved_usd", "null if it is not known of every call with a price.")]
UncachedInputUsd = Annotated[
    float | None,
    Field(description="What the input of those calls would have cost without a prompt cache. null where `cache_saved_usd` is."),
]
CacheUnknownCalls = Annotated[
    int,
    Field(
        description="API calls with a known price that `cache_saved_usd` does not include, since the export that brought them does not tell it."
    ),
]
CostUsd = Annotated[float | None, measure("cost_usd", "null if no price is known. An unknown cost is never 0.")]

IsKept = Annotated[
    bool,
    doc(
        "Beside a session, branch or machine. false: of the sessions that retention has dropped. Their numbers are known, and nobody knows any more which "
        "session, branch or machine they belong to."
    ),
]
DroppedSessions = Annotated[
    int,
    doc(
        "Sessions in the range that retention has dropped, of the projects and users that were asked for. If it is not 0, what is asked by a machine, a "
        "branch or a model is of the sessions that are kept."
    ),
]

ClientCostUsd = Annotated[
    float | None,
    doc(
        "What Claude Code itself counted for the session, calls included that no transcript has: as its last `cost-state` says, else claude.json. What a fork "
        "or a copy has in common with its origin counts once, for the session that has the rows. null: it wrote no total. Versions before 2.1.250 write none, "
        "and one that is killed writes none. `/api/sessions/{session_id}/reconcile` tells why it differs from `cost_usd`."
    ),
]


TitleSource = Annotated[
    Literal["person", "claude", "summary", "command", "prompt"] | None,
    doc(
        "Where the title comes from, the first that there is. `person`: given with PATCH. `claude`: Claude Code's own name for the session. "
        "`summary`: Claude Code's summary. `command`, `prompt`: what Claude was asked first, without boilerplate; an answer of one letter is no title. "
        "null: there is no title."
    ),
]
Visibility = Annotated[
    Literal["private", "shared"] | None,
    doc(
        "`shared`: keys that are bound to other users read it too. Of a session its own, else that of its project; "
        "null: as `sessions` in /api/me says (TRACKER_SESSIONS)."
    ),
]


class Decided(Answer):
    """Whether a call was allowed, and who decided it."""

    what: Decision
    source: Annotated[
        DecisionSource,
        doc(
            "What decided: a `rule` of the settings, `config`, the `classifier` of auto mode, a `hook`; "
            "a person, as `user_temporary` or `user_reject`."
        ),
    ]
    wait_ms: Annotated[int | None, doc("How long a person was asked for permission. Only traces tell it; see the call's `wait_ms`, too.")]
    told_by: Annotated[
        DecisionTeller,
        doc("Who says it: its transcript, since Claude Code 2.1.332; else Claude Code's telemetry, which knows the last answer."),
    ]


CallDecision = Annotated[Decided | None, doc("Who allowed it, or refused it; null: nothing says it.")]
IsSandboxed = Annotated[bool | None, doc("Whether its command ran in a sandbox; null: nothing says it.")]

Commands = Annotated[int, doc("Slash commands that Claude answered. Each begins a turn, and is no message.")]

JobFailure = Annotated[
    str | None,
    doc("Why it failed, and what to do. Of one that goes on: why its last step failed, which is tried again. null: nothing did."),
]

NextCursor = Annotated[str | None, doc("Where the next page begins; null on the last.")]

# Fields of a page of a search.
Total = Annotated[int, doc("Number of matches, counted up to 10,000; or as many as were surely found.")]
TotalIsExact = Annotated[bool, doc("False: there are at least `total`.")]
IsComplete = Annotated[bool, doc("False: the time of a search was over. What was found is shown; `next_cursor` goes on.")]
IncompleteBecause = Annotated[str | None, doc("Why it is not complete, for a person.")]
