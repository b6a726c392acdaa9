"""The parts of the difference between Claude Code's total of a session and the tracker's, each with its reason.

A difference is looked for model by model: first in the tokens, then in the prices.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal

from msgspec.structs import replace

from services.query.answers.answer import Answer
from services.query.answers.fields import ClientCostUsd, CostUsd, doc
from services.query.answers.stats import UsageRange
from services.query.queries.outcomes.known_costs import Calls, ClientCosts, Known, Usage, usage_of

MOST_SESSIONS: Final = 50

Source = Literal["transcript", "cost_state", "telemetry", "status_line", "claude_json"]
SOURCES: Final[dict[Source, str]] = {
    "transcript": "The API calls that the tracker has stored, at its own prices. `cost_usd` everywhere else is this.",
    "cost_state": "What Claude Code wrote at the end of the transcript: all calls it made, at its own prices.",
    "telemetry": "What Claude Code told of its requests as it made them, at its own prices. What was sent while no telemetry was on is not in it.",
    "status_line": "The cost that Claude Code's last status line had. It has no tokens.",
    "claude_json": "What Claude Code wrote into claude.json: the last session of each project, at its own prices.",
}

Reason = Literal[
    "copied_calls",
    "plugin_calls",
    "missing_subagents",
    "cut_answer",
    "compaction",
    "auto_mode",
    "helper_calls",
    "fast_mode",
    "unpriced_model",
    "unknown_to_client",
    "other_price",
    "other_machine",
    "later_calls",
    "unknown",
]
# Each as a person reads it.
REASONS: Final[dict[Reason, str]] = {
    "copied_calls": "The session is a fork or a copy. Claude Code went on with the total of the session that it came from; these calls count there.",
    "plugin_calls": "Plugins called a model. Their calls are in no transcript.",
    "missing_subagents": "Subagents ran whose transcripts are not here. Import the folder `subagents` beside the session's file.",
    "cut_answer": "A person stopped an answer. Claude Code counts how much of it came; the transcript has what the API had said of it until then.",
    "compaction": "Claude Code summed up the conversation to make room. That call is in no transcript.",
    "auto_mode": "In auto mode a model judges commands before they run. Its calls are in no transcript.",
    "helper_calls": "Claude Code called a small model for a title or a summary. Such calls are in no transcript.",
    "fast_mode": "The calls ran in fast mode, whose price is not known for this model.",
    "unpriced_model": "The tracker's price list has no price for this model.",
    "unknown_to_client": "Claude Code had no price for this model and took that of another.",
    "other_price": "Both counted the same tokens at different prices.",
    "other_machine": "The session went on on another machine, where Claude Code began a count of its own.",
    "later_calls": "Claude Code had not counted these calls when it last wrote its total: it was killed, or the session goes on.",
    "unknown": "Nothing that is stored tells the reason.",
}

_In = Annotated[int, doc("Tokens that were neither read from the cache nor written to it.")]


def _explained(words: dict[Any, str], before: str = "") -> Any:
    return doc(before + " ".join(f"`{name}`: {text}" for name, text in words.items()))


class ModelTotals(Answer):
    """One source's totals of a model."""

    model: str | None
    input_tokens: _In
    output_tokens: int
    cache_creation_tokens: int
    cache_read_tokens: int
    cost_usd: CostUsd
    api_calls: Annotated[int | None, doc("null where the source does not count them.")] = None
    unpriced_calls: Annotated[int | None, doc("API calls without a known price; null where the source does not count calls.")] = None


class SourceTotals(Answer):
    """One source's totals, in all and by model. Tokens are null where the source has none."""

    source: Annotated[Source, _explained(SOURCES)]
    input_tokens: Annotated[int | None, doc("Tokens that were neither read from the cache nor written to it.")]
    output_tokens: int | None
    cache_creation_tokens: int | None
    cache_read_tokens: int | None
    cost_usd: CostUsd
    models: Annotated[list[ModelTotals], doc("The dearest first; empty if the source has no models.")]


class Difference(Answer):
    """A part of the difference, with its reason."""

    reason: Annotated[Reason, _explained(REASONS)]
    explanation: Annotated[str, doc("The reason in a sentence, for a person.")]
    is_certain: Annotated[
        bool, doc("True: what is stored shows the reason. False: what is stored makes it likely; `also_possible` are the others.")
    ]
    also_possible: list[Reason]
    model: str | None
    tokens: Annotated[int, doc("Tokens that Claude Code counted and the tracker did not; below zero: the other way round.")]
    usd: Annotated[float, doc("The part of `difference_usd`.")]


class Reconciliation(Answer):
    """A session's totals by source, and why Claude Code's total differs from the tracker's."""

    session_id: str
    cost_usd: CostUsd
    client_cost_usd: ClientCostUsd
    difference_usd: Annotated[
        float | None, doc("Claude Code's written total minus `cost_usd`; an unknown `cost_usd` counts as 0. The sum of `differences`.")
    ]
    sources: Annotated[list[SourceTotals], doc("Those that have something of the session.")]
    differences: Annotated[list[Difference], doc("The largest first. Empty: both agree, or there is nothing to compare with.")]


class ReasonSum(Answer):
    """The sum that one reason explains, over all sessions."""

    reason: Annotated[Reason, _explained(REASONS)]
    explanation: str
    sessions: int
    usd: float


class ReconciledSession(Answer):
    session_id: str
    title: str | None
    cost_usd: CostUsd
    client_cost_usd: ClientCostUsd
    difference_usd: float
    reasons: Annotated[list[Reason], doc("The largest part first.")]


class ReconcileReport(Answer):
    """The sums over the sessions of a range, and the sessions that differ most."""

    range: UsageRange
    sessions: Annotated[int, doc("Sessions that began in the range.")]
    compared_sessions: Annotated[int, doc("Those of which Claude Code wrote a total. The sums are of these.")]
    cost_usd: float
    client_cost_usd: float
    difference_usd: float
    not_compared_usd: Annotated[float, doc("What the other sessions cost.")]
    reasons: Annotated[list[ReasonSum], doc("The largest first.")]
    items: Annotated[list[ReconciledSession], doc(f"The sessions that differ most, up to {MOST_SESSIONS}.")]


# A millionth of a dollar. Claude Code adds up floats, the tracker rounds each call.
_SAME_NANO: Final = 1_000


def differences(known: Known) -> list[Difference]:
    """The parts of the difference, the largest first. Their sum is the difference, to a millionth of a dollar."""
    total = difference_of(known)
    if total is None or not (known.calls or known.copied):
        # With no call of its own, the session's cost is what Claude Code wrote.
        return []
    if known.cost_state is None:
        known = _in_one(known)
    parts: list[Difference] = []
    if (client := known.cost_state) is not None:
        for model in sorted({*(name or None for name in client.models), *known.calls}, key=str):
            parts += _of_model(known, client, model)
    rest = total - sum(round(part.usd * 1e9) for part in parts)
    if abs(rest) >= _SAME_NANO:
        parts.append(_part("unknown", None, Usage(cost_nano_usd=rest), is_certain=False))
    return sorted(parts, key=lambda part: (-abs(part.usd), part.reason))


def _in_one(known: Known) -> Known:
    """For claude.json, which has the sums of all models: the calls of all models as those of one without a name."""
    if known.claude_json is None:
        return known
    usage = usage_of(known.claude_json)
    return replace(
        known,
        calls={None: _sum(known.calls.values())},
        copied={None: _sum(known.copied.values())} if known.copied else {},
        cost_state=ClientCosts(cost_nano_usd=usage.cost_nano_usd, models={"": usage}),
    )


def _sum(calls: Iterable[Calls]) -> Calls:
    each = list(calls)
    return Calls(**{name: sum(getattr(one, name) for one in each) for name in Calls.__struct_fields__})


def _of_model(known: Known, client: ClientCosts, model: str | None) -> list[Difference]:
    calls = known.calls.get(model, Calls())
    counted = client.models.get(model or "", Usage())
    copied = None
    if known.taken_off is not None:
        counted = counted.minus(known.taken_off.models.get(model or "", Usage()))
    else:
        copied = known.copied.get(model)
    rest = counted.minus(calls)
    parts = []
    if copied is not None and all(more >= of_copy for more, of_copy in zip(rest.tokens, copied.tokens, strict=True)):
        parts.append(_part("copied_calls", model, copied))
        rest = rest.minus(copied)
    if not any(rest.tokens):
        if abs(rest.cost_nano_usd) >= _SAME_NANO:
            parts.append(_part(_reason_of_price(client, calls), model, rest))
    elif all(each >= 0 for each in rest.tokens):
        parts.append(_more_tokens(known, client, model, calls, rest))
    elif all(each <= 0 for each in rest.tokens):
        reasons: list[Reason] = ["other_machine", "later_calls"] if known.evidence.machines > 1 else ["later_calls"]
        parts.append(_part(reasons[0], model, rest, reasons[1:], is_certain=False))
    else:
        parts.append(_part("unknown", model, rest, is_certain=False))
    return parts


def _reason_of_price(client: ClientCosts, calls: Calls) -> Reason:
    """Both have the same tokens."""
    if calls.fast_calls:
        return "fast_mode"
    if calls.unpriced_calls:
        return "unpriced_model"
    return "unknown_to_client" if client.has_unknown_model_cost else "other_price"


def _more_tokens(known: Known, client: ClientCosts, model: str | None, calls: Calls, rest: Usage) -> Difference:
    """Claude Code made calls that the tracker has not. Several things make such calls; of some it is stored that they happened."""
    if client.plugin_calls_nano_usd and abs(client.plugin_calls_nano_usd - rest.cost_nano_usd) < _SAME_NANO:
        return _part("plugin_calls", model, rest)
    # A call that no transcript has was sent a prompt, too.
    if known.evidence.interruptions and calls.api_calls and sum(rest.tokens) == rest.output_tokens:
        return _part("cut_answer", model, rest, is_certain=False)
    seen: dict[Reason, bool] = {
        "missing_subagents": known.evidence.missing_subagents > 0,
        "compaction": known.evidence.compactions > 0 and calls.api_calls > 0,
        "auto_mode": client.is_auto_mode,
        "plugin_calls": client.plugin_calls_nano_usd > 0,
        "helper_calls": not calls.api_calls and "haiku" in (model or ""),
    }
    reasons: list[Reason] = [reason for reason, is_seen in seen.items() if is_seen]
    return _part(reasons[0] if reasons else "unknown", model, rest, reasons[1:], is_certain=False)


def _part(reason: Reason, model: str | None, usage: Usage, also: Sequence[Reason] = (), *, is_certain: bool = True) -> Difference:
    return Difference(
        reason=reason,
        explanation=REASONS[reason],
        is_certain=is_certain,
        also_possible=list(also),
        model=model,
        tokens=sum(usage.tokens),
        usd=usage.cost_nano_usd / 1e9,
    )


def difference_of(known: Known) -> int | None:
    own = known.session.own_nano_usd
    return None if own is None else own - (known.session.cost_nano_usd or 0)
