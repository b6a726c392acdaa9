"""Advice, from what is stored. A year may have a million calls: the newest sessions are read, up to MOST_CALLS, so that each statement ends within its timeout."""

from collections import defaultdict
from datetime import date, datetime
from typing import Final

from services.query.answers.advice import MOST_SESSIONS, Advice, AdviceKind, AdviceLine, AdvisedSession, EffortMeasures
from services.query.database import Connection, Row, fetch, one_row, rows
from services.query.queries.advice.kinds import KINDS, Found, Kind, Line, known_sum
from services.query.queries.outcomes.cost import REBUILDS
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from shared.sql_files import SqlFile

# Tool and API calls of the sessions that are read.
MOST_CALLS: Final = 60_000
_EDITORS: Final = ["Edit", "Write", "MultiEdit", "NotebookEdit"]

STATEMENTS: Final = SqlFile(__package__, "advice.sql", rebuilds=REBUILDS)


def advice(
    connection: Connection,
    selection: Selection,
    model: str | None,
    wanted: Range,
    split: datetime | None,
    most_lines: int,
    *,
    with_sessions: bool,
) -> Advice:
    """All kinds that have a line, and how work went by model. `with_sessions`: lines name their sessions."""
    start, end = wanted.start_time, wanted.end_time
    chosen = one_row(
        connection, STATEMENTS.chosen, selection.parameters() | {"model": model, "start": start, "end": end, "most_calls": MOST_CALLS}
    )
    asked: Row = {"session_ids": chosen["session_ids"], "since": start or "-infinity", "until": end or "infinity"}
    asked |= {"tz": wanted.tz.key, "editors": _EDITORS}
    found = [(kind, _lines(connection, kind, asked)) for kind in KINDS]
    shown = [_shown(kind, lines, most_lines, MOST_SESSIONS if with_sessions else 0) for kind, lines in found if lines]
    _name_sessions(connection, [session for kind in shown for line in kind.lines for session in line.examples])
    return Advice(
        range=described_range(wanted),
        sessions=len(chosen["session_ids"]),
        sessions_left_out=chosen["left_out"],
        read_since=chosen["read_since"],
        kinds=sorted(shown, key=lambda each: -(each.cost_usd or 0)),
        models=fetch(connection, EffortMeasures, STATEMENTS.measures, asked | {"split": None}),
        split=fetch(connection, EffortMeasures, STATEMENTS.measures, asked | {"split": split}) if split else [],
    )


def _lines(connection: Connection, kind: Kind, asked: Row) -> list[Line]:
    """The dearest first; those without a cost by their amount."""
    shares: defaultdict[tuple[str, str | None, date | None], list[Found]] = defaultdict(list)
    statement = kind.statement
    for each in fetch(connection, Found, STATEMENTS[statement], asked | kind.parameters):
        shares[each.label, each.subject, each.week if kind.by_week else None].append(each)
    lines = [Line(label, subject, week, sorted(of_line, key=_dearest)) for (label, subject, week), of_line in shares.items()]
    return sorted((line for line in lines if line.amount >= kind.least), key=_dearest)


def _dearest(each: Found | Line) -> tuple[float, float]:
    return -(each.cost_usd or 0), -each.amount


def _shown(kind: Kind, lines: list[Line], most_lines: int, most_sessions: int) -> AdviceKind:
    return AdviceKind(
        kind=kind.kind,
        heading=kind.heading,
        counted=kind.counted,
        act=kind.act,
        unit=kind.unit,
        amount=sum(line.amount for line in lines),
        cost_usd=known_sum(line.cost_usd for line in lines),
        is_estimated=kind.is_estimated,
        lines=[
            AdviceLine(
                sentence=kind.sentence(line),
                subject=line.subject,
                amount=line.amount,
                cost_usd=line.cost_usd,
                failed_command=next((each.example for each in line.shares if each.fix), None),
                fix=kind.fix(line),
                examples=[
                    AdvisedSession(each.session_id, None, None, None, each.amount, each.cost_usd, each.item_id)
                    for each in line.shares[:most_sessions]
                ],
                sessions=len(line.shares),
            )
            for line in lines[:most_lines]
        ],
        lines_left_out=max(len(lines) - most_lines, 0),
    )


def _name_sessions(connection: Connection, sessions: list[AdvisedSession]) -> None:
    found = {row["session_id"]: row for row in rows(connection, STATEMENTS.titles, {"ids": list({each.session_id for each in sessions})})}
    for session in sessions:
        row = found[session.session_id]
        session.title, session.project_name, session.start_time = row["title"], row["project_name"], row["start_time"]
