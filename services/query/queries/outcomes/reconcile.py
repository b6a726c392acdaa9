"""Why Claude Code's total of a session differs from the tracker's. Its statements are in reconcile.sql.

A source is one entry of SOURCES: what it has of a session, by model. A difference is looked for model by model: first in the tokens, then in the prices.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct, convert
from msgspec.structs import replace

from services.query.answers.reconcile import (
    MOST_SESSIONS,
    REASONS,
    Difference,
    ModelTotals,
    Reason,
    ReasonSum,
    ReconciledSession,
    ReconcileReport,
    Reconciliation,
    Source,
    SourceTotals,
)
from services.query.database import Connection, Row, fetch_by, rows
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from shared.http.errors import BadRequest
from shared.sql_files import statement

# A report reads the calls of this many sessions at most.
MOST_OF_RANGE: Final = 5_000
# A millionth of a dollar. Claude Code adds up floats, the tracker rounds each call.
_SAME_NANO: Final = 1_000
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_CLAUDE_JSON: Final = "claude.json"

_sql = partial(statement, __package__, "reconcile.sql")


class _Usage(Struct, kw_only=True):
    """Of a model, in one source."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0

    def minus(self, other: "_Usage") -> "_Usage":
        return _Usage(**{name: getattr(self, name) - getattr(other, name) for name in _Usage.__struct_fields__})

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in _TOKENS)


class _Calls(_Usage, kw_only=True):
    """A model's API calls."""

    api_calls: int = 0
    unpriced_calls: int = 0
    fast_calls: int = 0
    unread_calls: int = 0


class _ClientCosts(Struct, kw_only=True):
    """What the worker keeps of a cost-state (ClientCosts of services/worker/persist/records.py)."""

    cost_nano_usd: int
    models: dict[str, _Usage] = {}
    has_unknown_model_cost: bool = False
    plugin_calls_nano_usd: int = 0
    is_auto_mode: bool = False


class _Session(Struct, kw_only=True):
    title: str | None
    api_calls: int
    cost_nano_usd: int | None
    client_nano_usd: int | None
    own_nano_usd: int | None
    taken_off_session_id: str | None


class _Evidence(Struct, kw_only=True):
    compactions: int = 0
    missing_subagents: int = 0
    machines: int = 0


class Known(Struct, kw_only=True):
    """All that is known of one session. `taken_off`: what another session counts of its total."""

    session: _Session
    calls: dict[str | None, _Calls]
    # Those in its files that count for another session.
    copied: dict[str | None, _Calls]
    cost_state: _ClientCosts | None
    claude_json: Mapping[str, int] | None
    taken_off: _ClientCosts | None
    evidence: _Evidence
    # These two are read for one session only: no difference is explained by them.
    telemetry: dict[str | None, _Calls] = {}
    status_line_nano_usd: int | None = None


def reconciliation(connection: Connection, session_id: str) -> Reconciliation:
    """Of a session that exists."""
    known = _told_meanwhile(connection, session_id, _known(connection, [session_id])[session_id])
    return Reconciliation(
        session_id=session_id,
        cost_usd=_usd(known.session.cost_nano_usd),
        client_cost_usd=_usd(known.session.own_nano_usd),
        difference_usd=_usd(_difference(known)),
        sources=[totals for read in SOURCES.values() if (totals := read(known)) is not None],
        differences=differences(known),
    )


def report(connection: Connection, selection: Selection, wanted: Range) -> ReconcileReport:
    """Of the sessions that began in the range. BadRequest if they are too many."""
    parameters = selection.parameters() | {"start": wanted.start_time, "end": wanted.end_time, "most": MOST_OF_RANGE + 1}
    ids = [row["session_id"] for row in rows(connection, _sql("of_range"), parameters)]
    if len(ids) > MOST_OF_RANGE:
        raise BadRequest(
            f"More than {MOST_OF_RANGE:,} sessions began in this range: ask for a shorter one, with start_date and end_date.",
            details={"start_date": "choose a later one"},
        )
    known = _known(connection, ids)
    compared = {session_id: each for session_id, each in known.items() if each.session.own_nano_usd is not None}
    found = {session_id: differences(each) for session_id, each in compared.items()}
    sums: Counter[Reason] = Counter()
    of_reason: dict[Reason, set[str]] = defaultdict(set)
    for session_id, parts in found.items():
        for part in parts:
            sums[part.reason] += round(part.usd * 1e9)
            of_reason[part.reason].add(session_id)
    largest = sorted((each for each in compared if found[each]), key=lambda each: (-abs(_difference(compared[each]) or 0), each))
    return ReconcileReport(
        range=described_range(wanted),
        sessions=len(ids),
        compared_sessions=len(compared),
        cost_usd=sum(each.session.cost_nano_usd or 0 for each in compared.values()) / 1e9,
        client_cost_usd=sum(each.session.own_nano_usd or 0 for each in compared.values()) / 1e9,
        difference_usd=sum(_difference(each) or 0 for each in compared.values()) / 1e9,
        not_compared_usd=sum(each.session.cost_nano_usd or 0 for session_id, each in known.items() if session_id not in compared) / 1e9,
        reasons=[
            ReasonSum(reason, REASONS[reason], len(of_reason[reason]), nano / 1e9)
            for reason, nano in sorted(sums.items(), key=lambda each: -abs(each[1]))
        ],
        items=[
            ReconciledSession(
                session_id=each,
                title=compared[each].session.title,
                cost_usd=_usd(compared[each].session.cost_nano_usd),
                client_cost_usd=_usd(compared[each].session.own_nano_usd),
                difference_usd=(_difference(compared[each]) or 0) / 1e9,
                reasons=list(dict.fromkeys(part.reason for part in found[each])),
            )
            for each in largest[:MOST_SESSIONS]
        ],
    )


def differences(known: Known) -> list[Difference]:
    """The parts of the difference, the largest first. Their sum is the difference, to a millionth of a dollar."""
    total = _difference(known)
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
        parts.append(_part("unknown", None, _Usage(cost_nano_usd=rest), is_certain=False))
    return sorted(parts, key=lambda part: (-abs(part.usd), part.reason))


def _in_one(known: Known) -> Known:
    """For claude.json, which has the sums of all models: the calls of all models as those of one without a name."""
    if known.claude_json is None:
        return known
    usage = _usage_of(known.claude_json)
    return replace(
        known,
        calls={None: _sum(known.calls.values())},
        copied={None: _sum(known.copied.values())} if known.copied else {},
        cost_state=_ClientCosts(cost_nano_usd=usage.cost_nano_usd, models={"": usage}),
    )


def _sum(calls: Iterable[_Calls]) -> _Calls:
    each = list(calls)
    return _Calls(**{name: sum(getattr(one, name) for one in each) for name in _Calls.__struct_fields__})


def _usage_of(numbers: Mapping[str, int]) -> _Usage:
    return _Usage(**{name: numbers.get(name, 0) for name in _Usage.__struct_fields__})


def _of_model(known: Known, client: _ClientCosts, model: str | None) -> list[Difference]:
    calls = known.calls.get(model, _Calls())
    counted = client.models.get(model or "", _Usage())
    copied = None
    if known.taken_off is not None:
        counted = counted.minus(known.taken_off.models.get(model or "", _Usage()))
    else:
        copied = known.copied.get(model)
    rest = counted.minus(calls)
    parts = []
    if copied is not None and all(more >= of_copy for more, of_copy in zip(rest.tokens, copied.tokens, strict=True)):
        parts.append(_part("copied_calls", model, copied))
        rest = rest.minus(copied)
    if not any(rest.tokens):
        if abs(rest.cost_nano_usd) >= _SAME_NANO:
            parts.append(_part(_reason_of_price(client, counted, calls), model, rest))
    elif all(each >= 0 for each in rest.tokens):
        parts.append(_more_tokens(known, client, model, calls, rest))
    elif all(each <= 0 for each in rest.tokens):
        reasons: list[Reason] = ["other_machine", "later_calls"] if known.evidence.machines > 1 else ["later_calls"]
        parts.append(_part(reasons[0], model, rest, reasons[1:], is_certain=False))
    else:
        parts.append(_part("unknown", model, rest, is_certain=False))
    return parts


def _reason_of_price(client: _ClientCosts, counted: _Usage, calls: _Calls) -> Reason:
    """Both have the same tokens."""
    if calls.fast_calls:
        return "fast_mode"
    if calls.unpriced_calls:
        return "unpriced_model"
    # A region costs a tenth more.
    if calls.unread_calls and abs(counted.cost_nano_usd - calls.cost_nano_usd * 11 // 10) < _SAME_NANO:
        return "inference_geo"
    return "unknown_to_client" if client.has_unknown_model_cost else "other_price"


def _more_tokens(known: Known, client: _ClientCosts, model: str | None, calls: _Calls, rest: _Usage) -> Difference:
    """Claude Code made calls that the tracker has not. Several things make such calls; of some it is stored that they happened."""
    if client.plugin_calls_nano_usd and abs(client.plugin_calls_nano_usd - rest.cost_nano_usd) < _SAME_NANO:
        return _part("plugin_calls", model, rest)
    seen: dict[Reason, bool] = {
        "missing_subagents": known.evidence.missing_subagents > 0,
        "older_reader": not calls.api_calls and any(each.unread_calls for each in known.calls.values()),
        "compaction": known.evidence.compactions > 0 and calls.api_calls > 0,
        "auto_mode": client.is_auto_mode,
        "plugin_calls": client.plugin_calls_nano_usd > 0,
        "helper_calls": not calls.api_calls and "haiku" in (model or ""),
    }
    reasons: list[Reason] = [reason for reason, is_seen in seen.items() if is_seen]
    return _part(reasons[0] if reasons else "unknown", model, rest, reasons[1:], is_certain=False)


def _part(reason: Reason, model: str | None, usage: _Usage, also: Sequence[Reason] = (), *, is_certain: bool = True) -> Difference:
    return Difference(
        reason=reason,
        explanation=REASONS[reason],
        is_certain=is_certain,
        also_possible=list(also),
        model=model,
        tokens=sum(usage.tokens),
        usd=usage.cost_nano_usd / 1e9,
    )


def _difference(known: Known) -> int | None:
    own = known.session.own_nano_usd
    return None if own is None else own - (known.session.cost_nano_usd or 0)


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / 1e9


# What each source has of a session; None: nothing -----------------------------------------------------------------------------


def _of_transcript(known: Known) -> SourceTotals | None:
    models = [
        ModelTotals(
            **_shown(each, model),
            cost_usd=_usd(each.cost_nano_usd) if each.api_calls > each.unpriced_calls else None,
            api_calls=each.api_calls,
            unpriced_calls=each.unpriced_calls,
        )
        for model, each in known.calls.items()
    ]
    return _totals("transcript", known.calls.values(), models, known.session.cost_nano_usd) if models else None


def _of_cost_state(known: Known) -> SourceTotals | None:
    client = known.cost_state
    if client is None:
        return None
    models = [ModelTotals(**_shown(each, model), cost_usd=_usd(each.cost_nano_usd)) for model, each in client.models.items()]
    return _totals("cost_state", client.models.values(), models, client.cost_nano_usd)


def _of_telemetry(known: Known) -> SourceTotals | None:
    models = [
        ModelTotals(**_shown(each, model), cost_usd=_usd(each.cost_nano_usd), api_calls=each.api_calls)
        for model, each in known.telemetry.items()
    ]
    cost = sum(each.cost_nano_usd for each in known.telemetry.values())
    return _totals("telemetry", known.telemetry.values(), models, cost) if models else None


def _of_status_line(known: Known) -> SourceTotals | None:
    if known.status_line_nano_usd is None:
        return None
    return SourceTotals(source="status_line", **dict.fromkeys(_TOKENS), cost_usd=_usd(known.status_line_nano_usd), models=[])


def _of_claude_json(known: Known) -> SourceTotals | None:
    if known.claude_json is None:
        return None
    usage = _usage_of(known.claude_json)
    return _totals("claude_json", [usage], [], usage.cost_nano_usd)


SOURCES: Final[dict[Source, Callable[[Known], SourceTotals | None]]] = {
    "transcript": _of_transcript,
    "cost_state": _of_cost_state,
    "telemetry": _of_telemetry,
    "status_line": _of_status_line,
    "claude_json": _of_claude_json,
}


def _totals(source: Source, usages: Iterable[_Usage], models: list[ModelTotals], cost_nano_usd: int | None) -> SourceTotals:
    sums = dict.fromkeys(_TOKENS, 0)
    for usage in usages:
        for name in _TOKENS:
            sums[name] += getattr(usage, name)
    models.sort(key=lambda each: (-(each.cost_usd or 0), each.model or ""))
    return SourceTotals(source=source, **sums, cost_usd=_usd(cost_nano_usd), models=models)


def _shown(usage: _Usage, model: str | None) -> dict[str, Any]:
    return {"model": model} | {name: getattr(usage, name) for name in _TOKENS}


# What is read -----------------------------------------------------------------------------------------------------------------


def _told_meanwhile(connection: Connection, session_id: str, known: Known) -> Known:
    """With what telemetry and the last status line have."""
    parameters: Row = {"session_id": session_id}
    telemetry = {row.pop("model"): convert(row, _Calls) for row in rows(connection, _sql("telemetry"), parameters)}
    last = next((row["cost_nano_usd"] for row in rows(connection, _sql("status_line"), parameters)), None)
    return replace(known, telemetry=telemetry, status_line_nano_usd=last)


def _known(connection: Connection, session_ids: list[str]) -> dict[str, Known]:
    """In the order of the ids."""
    parameters: Row = {"session_ids": session_ids}
    sessions = fetch_by(connection, _Session, "session_id", _sql("sessions"), parameters)
    calls: dict[tuple[str, bool], dict[str | None, _Calls]] = defaultdict(dict)
    for row in rows(connection, _sql("calls"), parameters):
        calls[row.pop("session_id"), row.pop("is_copied")][row.pop("model")] = convert(row, _Calls)
    taken_off = {each.taken_off_session_id for each in sessions.values()} - {None}
    client: dict[str, _ClientCosts] = {}
    claude_json: dict[str, Mapping[str, int]] = {}
    for row in rows(connection, _sql("client_costs"), {"session_ids": sorted({*session_ids, *filter(None, taken_off)})}):
        if row["source"] == _CLAUDE_JSON:
            claude_json[row["session_id"]] = row["numbers"]
        else:
            client[row["session_id"]] = convert(row["client_costs"], _ClientCosts)
    evidence = fetch_by(connection, _Evidence, "session_id", _sql("evidence"), parameters)
    return {
        session_id: Known(
            session=session,
            calls=calls[session_id, False],
            copied=calls[session_id, True],
            cost_state=client.get(session_id),
            claude_json=claude_json.get(session_id),
            taken_off=client.get(session.taken_off_session_id or ""),
            evidence=evidence[session_id],
        )
        for session_id in session_ids
        if (session := sessions.get(session_id)) is not None
    }
