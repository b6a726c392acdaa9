"""Advice: each kind is a statement of advice.sql and an entry of KINDS.

A year may have a million calls. The newest sessions are read, up to MOST_CALLS, so that each statement ends well within its timeout.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.query.answers.advice import (
    MOST_SESSIONS,
    Advice,
    AdviceKind,
    AdviceLine,
    AdviceName,
    AdviceUnit,
    AdvisedSession,
    EffortMeasures,
)
from services.query.database import Connection, Row, fetch, one_row, rows
from services.query.queries.outcomes.cost import REBUILDS
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from shared.quantities import counted, day_text, minutes, plural
from shared.sql_files import SqlFile
from shared.terms import error_class_label

# Tool and API calls of the sessions that are read.
MOST_CALLS: Final = 60_000
_EDITORS: Final = ["Edit", "Write", "MultiEdit", "NotebookEdit"]
# Tests and builds that fail tell of the code, and what was not run has not failed.
_NO_FAILURES: Final = ["no_output", "test_failed", "build_failed", "sibling_failed", "interrupted", "rejected"]
# Programs that run or remove anything: no rule allows them in general.
_NO_RULES: Final = [
    *(
        "rm",
        "rmdir",
        "dd",
        "sudo",
        "su",
        "chmod",
        "chown",
        "kill",
        "pkill",
        "ssh",
        "scp",
        "curl",
        "wget",
        "eval",
        "exec",
        "xargs",
        "find",
        "env",
    ),
    *(
        "sh",
        "bash",
        "zsh",
        "fish",
        "pwsh",
        "powershell",
        "python",
        "python3",
        "node",
        "ruby",
        "perl",
        "php",
        "npx",
        "docker",
        "kubectl",
        "terraform",
    ),
    *("gh", "git push", "git reset", "git checkout", "git restore", "git clean", "npm publish"),
]

STATEMENTS: Final = SqlFile(__package__, "advice.sql", rebuilds=REBUILDS)


class _Found(Struct):
    """A line's share in one session."""

    label: str
    session_id: str
    amount: float
    subject: str | None = None
    week: date | None = None
    also: float = 0
    cost_usd: float | None = None
    item_id: UUID | None = None
    example: str | None = None
    fix: str | None = None


class _Line(Struct):
    """A line with its shares, the dearest first."""

    label: str
    subject: str | None
    week: date | None
    shares: list[_Found]

    @property
    def amount(self) -> float:
        return sum(each.amount for each in self.shares)

    @property
    def also(self) -> float:
        return sum(each.also for each in self.shares)

    @property
    def cost_usd(self) -> float | None:
        return _sum(each.cost_usd for each in self.shares)

    def times(self, one: str, many: str | None = None) -> str:
        return counted(int(self.amount), one, many)


class _Kind(Struct, frozen=True):
    """A kind of advice: a statement, and its words. Its lines have an amount of at least `least`."""

    kind: AdviceName
    statement: str
    heading: str
    counted: str
    act: str
    unit: AdviceUnit
    sentence: Callable[[_Line], str]
    fix: Callable[[_Line], str | None] = lambda _: None
    parameters: Row = {}
    is_estimated: bool = False
    least: int = 1
    by_week: bool = False


def _usd(cost: float | None) -> str:
    return "is not priced" if cost is None else f"cost ${cost:,.2f}"


def _person(line: _Line) -> str:
    return f"{line.label}: " if line.label else ""


def _week(line: _Line) -> str:
    assert line.week is not None
    return day_text(line.week)


def _context(line: _Line) -> str:
    number = len(line.shares)
    sessions = counted(number, "session")
    if line.label == "full":
        return f"{sessions} ended with three quarters of the context window used, or more."
    compacted = f"{sessions} {plural(number, 'was', 'were')} compacted several times, {int(line.also):,} times in all."
    return f"{compacted} To write the summaries to the cache {_usd(line.cost_usd)}."


def _unchanged(times: int) -> str:
    return f"{times:,} of them with no file changed since it had failed before" if times else "each time after a file had been changed"


def _first_fix(line: _Line) -> str | None:
    return next((each.fix for each in line.shares if each.fix), None)


KINDS: Final = (
    _Kind(
        kind="pauses",
        statement="rebuilds",
        heading="Pauses that outlived the prompt cache",
        counted="Calls after a pause longer than the cache is kept (5 minutes, or an hour) that had to send again what was in it. By person and week.",
        act="Before a break, finish the step and run /compact. After one, begin a new session for a new task: /clear.",
        unit="rebuilds",
        sentence=lambda line: (
            f"{_person(line)}week of {_week(line)}, {line.times('pause')}. To write the cache again {_usd(line.cost_usd)}."
        ),
        parameters={"cause": "pause"},
        by_week=True,
    ),
    _Kind(
        kind="switches",
        statement="rebuilds",
        heading="Models switched within a session",
        counted="Calls that sent everything again since another model answered: each model has a cache of its own.",
        act="Choose the model before the first prompt. For a part of the work, let a subagent have the other model.",
        unit="rebuilds",
        sentence=lambda line: f"{_person(line)}{line.times('switch', 'switches')}. To write the cache again {_usd(line.cost_usd)}.",
        parameters={"cause": "model"},
    ),
    _Kind(
        kind="contexts",
        statement="contexts",
        heading="Full contexts",
        counted="Sessions that were compacted twice or more, and sessions whose last call had three quarters of the window or more.",
        act="Split the work: one session for a task, a plan in a file that the next one reads, subagents for searches.",
        unit="sessions",
        sentence=_context,
    ),
    _Kind(
        kind="failures",
        statement="failures",
        heading="Commands that fail",
        counted="Failed shell commands by program and reason, twice or more. Failed tests and builds, and searches without a hit, do not count.",
        act="Write the command that works into CLAUDE.md, with the folder it runs in.",
        unit="calls",
        sentence=lambda line: (
            f"{error_class_label(line.label or 'unclassified')}: failed {line.times('time')}. "
            f"Later in the session the program worked after {int(line.also):,} of them."
        ),
        fix=_first_fix,
        parameters={"no_failures": _NO_FAILURES},
        is_estimated=True,
        least=2,
    ),
    _Kind(
        kind="retries",
        statement="retries",
        heading="The same command again and again",
        counted="A command that failed three times or more in one session, word for word. The first time costs nothing here.",
        act="Say in CLAUDE.md what to check after the first failure, or stop it with Esc and say what is wrong.",
        unit="calls",
        sentence=lambda line: f"Failed {line.times('time')}, {_unchanged(int(line.also))}.",
        is_estimated=True,
    ),
    _Kind(
        kind="rereads",
        statement="rereads",
        heading="Files read again and again",
        counted="Files that one thread read four times or more without a change between, in whole or in parts. The first read does not count.",
        act="Name the function or the lines in the prompt, or split the file. Put what is always needed into CLAUDE.md.",
        unit="reads",
        sentence=lambda line: f"Read again {line.times('time')}.",
        is_estimated=True,
    ),
    _Kind(
        kind="prompts",
        statement="prompts",
        heading="Permissions that were always given",
        counted="Calls that a person was asked about three times or more, and allowed each time. Known of sessions whose transcript or telemetry tells who decided.",
        act='Add the rule to "permissions": {"allow": […]} in .claude/settings.json.',
        unit="prompts",
        sentence=lambda line: f"Asked {line.times('time')}, always allowed" + (f". Waited {minutes(line.also)}." if line.also else "."),
        fix=lambda line: line.subject,
        parameters={"no_rules": _NO_RULES},
    ),
    _Kind(
        kind="servers",
        statement="servers",
        heading="MCP servers that nobody uses",
        counted="Servers that were connected and none of whose tools was called. Known of sessions with telemetry.",
        act="Remove the server, or switch it off with /mcp: its tools take room in each call.",
        unit="sessions",
        sentence=lambda line: f"Connected in {line.times('session')}, and never used.",
        fix=lambda line: f"claude mcp remove {line.subject}",
    ),
    _Kind(
        kind="rework",
        statement="rework",
        heading="Lines that a later session removed",
        counted="Lines that one session added and a later one removed, by their text in the stored differences; lines of fewer than eight characters are left out.",
        act="Read both sessions before the next change of the file: say in the prompt, or in CLAUDE.md, what was wrong the first time.",
        unit="lines",
        sentence=lambda line: f"{line.times('line')} of an earlier session removed.",
    ),
)


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


def _lines(connection: Connection, kind: _Kind, asked: Row) -> list[_Line]:
    """The dearest first; those without a cost by their amount."""
    shares: defaultdict[tuple[str, str | None, date | None], list[_Found]] = defaultdict(list)
    statement = kind.statement
    for each in fetch(connection, _Found, STATEMENTS[statement], asked | kind.parameters):
        shares[each.label, each.subject, each.week if kind.by_week else None].append(each)
    lines = [_Line(label, subject, week, sorted(of_line, key=_dearest)) for (label, subject, week), of_line in shares.items()]
    return sorted((line for line in lines if line.amount >= kind.least), key=_dearest)


def _dearest(each: _Found | _Line) -> tuple[float, float]:
    return -(each.cost_usd or 0), -each.amount


def _shown(kind: _Kind, lines: list[_Line], most_lines: int, most_sessions: int) -> AdviceKind:
    return AdviceKind(
        kind=kind.kind,
        heading=kind.heading,
        counted=kind.counted,
        act=kind.act,
        unit=kind.unit,
        amount=sum(line.amount for line in lines),
        cost_usd=_sum(line.cost_usd for line in lines),
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


def _sum(costs: Iterable[float | None]) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None
