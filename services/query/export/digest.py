"""A session in few words, fit for a pull request: what was asked, what came of it, which files changed, which checks ran, cost and time.

It has no output of tools. Its text is redacted once more, since it is meant for others, and mentions nobody: `@ann` and `#12` would notify and link.
"""

import re
from collections.abc import Iterable
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from services.query.answers.timeline import EntryItem, FileChangeItem, MessageItem, TimelineItem, ToolCallItem
from services.query.export import phrases
from services.query.export.markdown_text import code, contained, escaped, quoted
from services.query.export.phrases import ExportedSession
from services.query.export.plain_text import one_line, plain
from services.query.export.walk import Item, Step
from shared import quantities
from shared.redaction.redact import redact_text
from shared.terms import error_class_label

# Pull requests of GitHub take 65,536.
MOST_CHARACTERS: Final = 65_000
_MOST_PROMPTS, _PROMPT_CHARACTERS = 30, 400
_MOST_ANSWERS, _ANSWER_CHARACTERS, _LAST_ANSWER_CHARACTERS = 20, 500, 5_000
_MOST_FILES, _PATH_CHARACTERS = 100, 150
_MOST_COMMANDS, _COMMAND_CHARACTERS = 60, 150
# More are not kept while the session is read.
_MOST_KEPT: Final = 5_000

# Commands that check the work: tests, linters, types, builds.
_CHECK: Final = re.compile(
    r"\b(?:pytest|unittest|tox|nox|mypy|pyright|ruff|flake8|pylint|jest|vitest|mocha|playwright|eslint|prettier|tsc|rspec|phpunit|ctest"
    r"|(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:test|lint|build|check|typecheck)\S*|(?:make|just|task|gradle|\./gradlew|mvn|bazel)\s+\S*(?:test|check|lint|build|verify)\S*"
    r"|(?:go|cargo|dotnet|swift|mix|zig)\s+(?:test|build|vet|clippy|check))\b"
)
_MENTION: Final = re.compile(r"(?<![\w`])([@#])(?=\w)")


class _Runs(Struct):
    """How often a command ran, how often it failed, and how it ended last."""

    runs: int = 0
    failures: int = 0
    last: str = ""
    error_class: str | None = None


class _Changes(Struct):
    """A file's changes."""

    action: str
    added: int = 0
    removed: int = 0


class _Summary(Struct):
    """The digest's state of a session while that is read."""

    prompts: list[str] = field(default_factory=list)
    prompts_count: int = 0
    # Claude's last text of each turn.
    answers: list[str] = field(default_factory=list)
    answer: str = ""
    files: dict[str, _Changes] = field(default_factory=dict)
    commands: dict[str, _Runs] = field(default_factory=dict)
    subagents: int = 0


def as_digest(session: ExportedSession, steps: Iterable[Step], zone: ZoneInfo) -> str:
    """The digest as Markdown, at most MOST_CHARACTERS long."""
    found = _Summary()
    for step in steps:
        if isinstance(step, Item):
            _add(found, step.item, is_own=step.level == 0)
    sections = (_head(session, zone), _asked(found), _outcome(found), _files(found, session), _checks(found), _numbers(session, found))
    text = redact_text("\n".join(section for section in sections if section))
    return text if len(text) <= MOST_CHARACTERS else _cut(text)


def _add(found: _Summary, item: TimelineItem, *, is_own: bool) -> None:
    match item:
        case MessageItem() if is_own and item.content.strip():
            if item.role == "assistant":
                found.answer = item.content
            else:
                _add_prompt(found, item.content)
        case EntryItem() if is_own and phrases.is_queued_prompt(item):
            _add_prompt(found, item.content)
        case ToolCallItem():
            found.subagents += item.subagent is not None
            for change in item.changes:
                _add_change(found, change)
            _add_command(found, item)
        case FileChangeItem():
            _add_change(found, item)


def _add_prompt(found: _Summary, prompt: str) -> None:
    found.prompts_count += 1
    if len(found.prompts) < _MOST_PROMPTS:
        found.prompts.append(prompt[: 4 * _PROMPT_CHARACTERS])
    if found.answer:
        # The latest turns tell more than the first.
        found.answers = [*found.answers, found.answer[: 2 * _ANSWER_CHARACTERS]][-_MOST_ANSWERS:]
        found.answer = ""


def _add_change(found: _Summary, change: phrases.Change) -> None:
    path = change.file_path or ""
    known = found.files.get(path)
    if known is None:
        if len(found.files) >= _MOST_KEPT:
            return
        known = found.files[path] = _Changes(change.action)
    elif change.action == "deleted" or known.action != "created":
        known.action = change.action
    known.added += change.lines_added
    known.removed += change.lines_removed


def _add_command(found: _Summary, call: ToolCallItem) -> None:
    parameters = phrases.parameters_of(call)
    command = parameters.get("command") if isinstance(parameters, dict) else None
    if not isinstance(command, str) or call.result_status == "pending":
        return
    has_failed = call.result_status != "success"
    if not has_failed and not _CHECK.search(command[:1000]):
        return
    line = one_line(command, _COMMAND_CHARACTERS)
    if line not in found.commands and len(found.commands) >= _MOST_KEPT:
        return
    runs = found.commands.setdefault(line, _Runs())
    runs.runs += 1
    runs.failures += has_failed
    runs.last, runs.error_class = call.result_status, call.error_class


def _head(session: ExportedSession, zone: ZoneInfo) -> str:
    shown = [value for name, value in phrases.facts(session, zone) if name in ("Project", "Branch", "Person", "Time")]
    return f"## {_quiet(escaped(phrases.title(session)))}\n\n{_quiet(escaped(' · '.join(shown)))}\n"


def _asked(found: _Summary) -> str:
    if not found.prompts:
        return ""
    lines = [f"{number}. {_quiet(escaped(one_line(prompt, _PROMPT_CHARACTERS)))}\n" for number, prompt in enumerate(found.prompts, 1)]
    return f"### Asked\n\n{''.join(lines)}{_more(found.prompts_count - len(found.prompts), 'prompt')}"


def _outcome(found: _Summary) -> str:
    answers = found.answers if found.answer else found.answers[:-1]
    last = found.answer or (found.answers[-1] if found.answers else "")
    if not last:
        return ""
    earlier = "".join(f"- {_quiet(escaped(one_line(answer, _ANSWER_CHARACTERS)))}\n" for answer in answers)
    shortened = plain(last[:_LAST_ANSWER_CHARACTERS]) + ("…" if len(last) > _LAST_ANSWER_CHARACTERS else "")
    on_the_way = f"\n### On the way\n\n{earlier}" if earlier else ""
    return f"### Outcome\n\n{quoted(_quiet(contained(shortened)))}{on_the_way}"


def _files(found: _Summary, session: ExportedSession) -> str:
    if not found.files:
        return ""
    root = f"{session.project_path.rstrip('/')}/" if session.project_path else ""
    largest = sorted(found.files.items(), key=lambda each: (-(each[1].added + each[1].removed), each[0]))[:_MOST_FILES]
    lines = [
        f"- {code(one_line(path.removeprefix(root), _PATH_CHARACTERS))} {each.action}, {phrases.lines_changed(each.added, each.removed)}\n"
        for path, each in largest
    ]
    return f"### Files\n\n{''.join(lines)}{_more(len(found.files) - len(largest), 'file')}"


def _checks(found: _Summary) -> str:
    if not found.commands:
        return ""
    # Those that still fail come first.
    ordered = sorted(found.commands.items(), key=lambda each: (each[1].last == "success", not each[1].failures))
    lines = [f"- {code(command)} {_ended(runs)}\n" for command, runs in ordered[:_MOST_COMMANDS]]
    return f"### Checks and failed commands\n\n{''.join(lines)}{_more(len(ordered) - _MOST_COMMANDS, 'command')}"


def _ended(runs: _Runs) -> str:
    if runs.last == "success":
        return "✓ passed" if not runs.failures else f"✓ passed after {quantities.counted(runs.failures, 'failure')}"
    why = f" ({escaped(one_line(error_class_label(runs.error_class), 60))})" if runs.error_class else ""
    return f"✗ {'failed' if runs.last == 'error' else escaped(one_line(runs.last, 40))}{why}" + (
        f", {runs.failures} of {runs.runs} times" if runs.runs > 1 else ""
    )


def _numbers(session: ExportedSession, found: _Summary) -> str:
    shown = [f"{name}: {value}" for name, value in phrases.facts(session, ZoneInfo("UTC")) if name in ("Active", "Cost", "Tokens", "Work")]
    models = [f"Models: {', '.join(one_line(each, 100) for each in session.models)}"] if session.models else []
    subagents = [counted] if (counted := found.subagents and quantities.counted(found.subagents, "subagent")) else []
    return "### Numbers\n\n" + "".join(f"- {escaped(each)}\n" for each in [*shown, *models, *subagents])


def _more(number: int, what: str) -> str:
    return f"\n… and {quantities.counted(number, 'more ' + what)}.\n" if number > 0 else ""


def _quiet(text: str) -> str:
    """The text without mentions and references: a character without width stands between the sign and the name."""
    return _MENTION.sub("\\1\u200b", text)


def _cut(text: str) -> str:
    """At the end of a line: only the outcome has several lines, and it is a quote, which ends there."""
    shortened = text[: MOST_CHARACTERS - 100]
    return f"{shortened[: shortened.rfind(chr(10)) + 1]}\n… shortened.\n"
