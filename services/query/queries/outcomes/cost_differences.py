"""The parts of the difference between Claude Code's total of a session and the tracker's, each with its reason.

A difference is looked for model by model: first in the tokens, then in the prices.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from services.query.answers.reconcile import REASONS, Difference, Reason
from services.query.queries.outcomes.known_costs import Calls, ClientCosts, Known, Usage, usage_of

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
