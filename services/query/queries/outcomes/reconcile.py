"""Two totals of a session side by side: each source's, and why they differ. A source is one entry of SOURCES: what it has of a session, by model."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from services.query.database import Connection, rows
from services.query.queries.outcomes.cost_differences import (
    MOST_SESSIONS,
    REASONS,
    ModelTotals,
    Reason,
    ReasonSum,
    ReconciledSession,
    ReconcileReport,
    Reconciliation,
    Source,
    SourceTotals,
    difference_of,
    differences,
)
from services.query.queries.outcomes.known_costs import TOKENS, Known, Usage, known_costs, usage_of, with_what_was_told
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from shared.http.errors import BadRequest
from shared.sql_files import SqlFile

# A report reads the calls of this many sessions at most.
MOST_OF_RANGE: Final = 5_000

_SQL: Final = SqlFile(__package__, "reconcile.sql")


def reconciliation(connection: Connection, session_id: str) -> Reconciliation:
    """A session's reconciliation. The session must exist."""
    known = with_what_was_told(connection, session_id, known_costs(connection, [session_id])[session_id])
    return Reconciliation(
        session_id=session_id,
        cost_usd=_usd(known.session.cost_nano_usd),
        client_cost_usd=_usd(known.session.own_nano_usd),
        difference_usd=_usd(difference_of(known)),
        sources=[totals for read in SOURCES.values() if (totals := read(known)) is not None],
        differences=differences(known),
    )


def report(connection: Connection, selection: Selection, wanted: Range) -> ReconcileReport:
    """The report on the sessions that began in the range. BadRequest if they are too many."""
    parameters = selection.parameters() | {"start": wanted.start_time, "end": wanted.end_time, "most": MOST_OF_RANGE + 1}
    ids = [row["session_id"] for row in rows(connection, _SQL.of_range, parameters)]
    if len(ids) > MOST_OF_RANGE:
        raise BadRequest(
            f"More than {MOST_OF_RANGE:,} sessions began in this range: ask for a shorter one, with start_date and end_date.",
            details={"start_date": "choose a later one"},
        )
    known = known_costs(connection, ids)
    compared = {session_id: each for session_id, each in known.items() if each.session.own_nano_usd is not None}
    found = {session_id: differences(each) for session_id, each in compared.items()}
    sums: Counter[Reason] = Counter()
    of_reason: dict[Reason, set[str]] = defaultdict(set)
    for session_id, parts in found.items():
        for part in parts:
            sums[part.reason] += round(part.usd * 1e9)
            of_reason[part.reason].add(session_id)
    largest = sorted((each for each in compared if found[each]), key=lambda each: (-abs(difference_of(compared[each]) or 0), each))
    return ReconcileReport(
        range=described_range(wanted),
        sessions=len(ids),
        compared_sessions=len(compared),
        cost_usd=sum(each.session.cost_nano_usd or 0 for each in compared.values()) / 1e9,
        client_cost_usd=sum(each.session.own_nano_usd or 0 for each in compared.values()) / 1e9,
        difference_usd=sum(difference_of(each) or 0 for each in compared.values()) / 1e9,
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
                difference_usd=(difference_of(compared[each]) or 0) / 1e9,
                reasons=list(dict.fromkeys(part.reason for part in found[each])),
            )
            for each in largest[:MOST_SESSIONS]
        ],
    )


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
    return SourceTotals(source="status_line", **dict.fromkeys(TOKENS), cost_usd=_usd(known.status_line_nano_usd), models=[])


def _of_claude_json(known: Known) -> SourceTotals | None:
    if known.claude_json is None:
        return None
    usage = usage_of(known.claude_json)
    return _totals("claude_json", [usage], [], usage.cost_nano_usd)


SOURCES: Final[dict[Source, Callable[[Known], SourceTotals | None]]] = {
    "transcript": _of_transcript,
    "cost_state": _of_cost_state,
    "telemetry": _of_telemetry,
    "status_line": _of_status_line,
    "claude_json": _of_claude_json,
}


def _totals(source: Source, usages: Iterable[Usage], models: list[ModelTotals], cost_nano_usd: int | None) -> SourceTotals:
    sums = dict.fromkeys(TOKENS, 0)
    for usage in usages:
        for name in TOKENS:
            sums[name] += getattr(usage, name)
    models.sort(key=lambda each: (-(each.cost_usd or 0), each.model or ""))
    return SourceTotals(source=source, **sums, cost_usd=_usd(cost_nano_usd), models=models)


def _shown(usage: Usage, model: str | None) -> dict[str, Any]:
    return {"model": model} | {name: getattr(usage, name) for name in TOKENS}


def _usd(nano_usd: int | None) -> float | None:
    return None if nano_usd is None else nano_usd / 1e9
