"""The kinds of advice: each is a statement of advice.sql and an entry of KINDS, with its words."""

from collections.abc import Callable, Iterable
from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.query.answers.advice import AdviceName, AdviceUnit
from services.query.database import Row
from shared.quantities import counted, day_text, minutes, plural
from shared.terms import error_class_label

# Tests and builds that fail tell of the code, and what was not run has not failed.
_NO_FAILURES: Final = ["no_output", "test_failed", "build_failed", "sibling_failed", "interrupted", "rejected"]
# Programs that run or remove anything: no rule allows them in general.
_UNSAFE: Final = (
    "rm, rmdir, dd, sudo, su, chmod, chown, kill, pkill, ssh, scp, curl, wget, eval, exec, xargs, find, env, gh, "
    "sh, bash, zsh, fish, pwsh, powershell, python, python3, node, ruby, perl, php, npx, docker, kubectl, terraform, "
    "git push, git reset, git checkout, git restore, git clean, npm publish"
)


def known_sum(costs: Iterable[float | None]) -> float | None:
    """None if no cost is known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known else None


class Found(Struct):
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


class Line(Struct):
    """A line with its shares, the dearest first."""

    label: str
    subject: str | None
    week: date | None
    shares: list[Found]

    @property
    def amount(self) -> float:
        return sum(each.amount for each in self.shares)

    @property
    def also(self) -> float:
        return sum(each.also for each in self.shares)

    @property
    def cost_usd(self) -> float | None:
        return known_sum(each.cost_usd for each in self.shares)

    def times(self, one: str, many: str | None = None) -> str:
        return counted(int(self.amount), one, many)


class Kind(Struct, frozen=True):
    """A kind of advice: a statement, and its words. Its lines have an amount of at least `least`."""

    kind: AdviceName
    statement: str
    heading: str
    counted: str
    act: str
    unit: AdviceUnit
    sentence: Callable[[Line], str]
    fix: Callable[[Line], str | None] = lambda _: None
    parameters: Row = {}
    is_estimated: bool = False
    least: int = 1
    by_week: bool = False


def _usd(cost: float | None) -> str:
    return "is not priced" if cost is None else f"cost ${cost:,.2f}"


def _person(line: Line) -> str:
    return f"{line.label}: " if line.label else ""


def _week(line: Line) -> str:
    assert line.week is not None
    return day_text(line.week)


def _context(line: Line) -> str:
    number = len(line.shares)
    sessions = counted(number, "session")
    if line.label == "full":
        return f"{sessions} ended with three quarters of the context window used, or more."
    compacted = f"{sessions} {plural(number, 'was', 'were')} compacted several times, {int(line.also):,} times in all."
    return f"{compacted} To write the summaries to the cache {_usd(line.cost_usd)}."


def _unchanged(times: int) -> str:
    return f"{times:,} of them with no file changed since it had failed before" if times else "each time after a file had been changed"


def _first_fix(line: Line) -> str | None:
    return next((each.fix for each in line.shares if each.fix), None)


KINDS: Final = (
    Kind(
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
    Kind(
        kind="switches",
        statement="rebuilds",
        heading="Models switched within a session",
        counted="Calls that sent everything again since another model answered: each model has a cache of its own.",
        act="Choose the model before the first prompt. For a part of the work, let a subagent have the other model.",
        unit="rebuilds",
        sentence=lambda line: f"{_person(line)}{line.times('switch', 'switches')}. To write the cache again {_usd(line.cost_usd)}.",
        parameters={"cause": "model"},
    ),
    Kind(
        kind="contexts",
        statement="contexts",
        heading="Full contexts",
        counted="Sessions that were compacted twice or more, and sessions whose last call had three quarters of the window or more.",
        act="Split the work: one session for a task, a plan in a file that the next one reads, subagents for searches.",
        unit="sessions",
        sentence=_context,
    ),
    Kind(
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
    Kind(
        kind="retries",
        statement="retries",
        heading="The same command again and again",
        counted="A command that failed three times or more in one session, word for word. The first time costs nothing here.",
        act="Say in CLAUDE.md what to check after the first failure, or stop it with Esc and say what is wrong.",
        unit="calls",
        sentence=lambda line: f"Failed {line.times('time')}, {_unchanged(int(line.also))}.",
        is_estimated=True,
    ),
    Kind(
        kind="rereads",
        statement="rereads",
        heading="Files read again and again",
        counted="Files that one thread read four times or more without a change between, in whole or in parts. The first read does not count.",
        act="Name the function or the lines in the prompt, or split the file. Put what is always needed into CLAUDE.md.",
        unit="reads",
        sentence=lambda line: f"Read again {line.times('time')}.",
        is_estimated=True,
    ),
    Kind(
        kind="prompts",
        statement="prompts",
        heading="Permissions that were always given",
        counted="Calls that a person was asked about three times or more, and allowed each time. Known of sessions whose transcript or telemetry tells who decided.",
        act='Add the rule to "permissions": {"allow": […]} in .claude/settings.json.',
        unit="prompts",
        sentence=lambda line: f"Asked {line.times('time')}, always allowed" + (f". Waited {minutes(line.also)}." if line.also else "."),
        fix=lambda line: line.subject,
        parameters={"no_rules": _UNSAFE.split(", ")},
    ),
    Kind(
        kind="servers",
        statement="servers",
        heading="MCP servers that nobody uses",
        counted="Servers that were connected and none of whose tools was called. Known of sessions with telemetry.",
        act="Remove the server, or switch it off with /mcp: its tools take room in each call.",
        unit="sessions",
        sentence=lambda line: f"Connected in {line.times('session')}, and never used.",
        fix=lambda line: f"claude mcp remove {line.subject}",
    ),
    Kind(
        kind="rework",
        statement="rework",
        heading="Lines that a later session removed",
        counted="Lines that one session added and a later one removed, by their text in the stored differences; lines of fewer than eight characters are left out.",
        act="Read both sessions before the next change of the file: say in the prompt, or in CLAUDE.md, what was wrong the first time.",
        unit="lines",
        sentence=lambda line: f"{line.times('line')} of an earlier session removed.",
    ),
)
