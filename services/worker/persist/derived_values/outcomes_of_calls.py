"""The outcomes of a tool call, from its parameters and its result: derived once, when the result arrives, so that they stay when texts are dropped."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from shared.claude_formats.call_outcome import MAX_NUMBER, CallOutcome, MadeCommit, RunOfTests, RunResult
from shared.events.messages import ToolStatus

_COMMAND_CHARACTERS: Final = 200
# So much of a part of a command is looked at.
_LOOKED_AT_CHARACTERS: Final = 500
_MOST_RUNS: Final = 20
_MAX_DEPTH: Final = 2
# An option and perhaps its value, or the value of one.
_OPTIONS: Final = r"(?:\s+-\S+(?:\s+[^\s-]\S*)?)*"
# A command, behind variables and programs that start others, as `CI=1 uv run pytest -q`.
_RUNS: Final = re.compile(
    rf"""^(?:\w+=\S*\s+|(?:sudo|time(?:\s+-\S+)*|nice(?:\s+-n\s*\d+)?|timeout(?:\s+-\S+)*\s+\S+|env|command|exec|rtk(?:\s+(?:err|proxy|test))?|
    npx{_OPTIONS}|bunx{_OPTIONS}|(?:pnpm|yarn){_OPTIONS}\s+(?:exec|dlx)|(?:uv|poetry|pipenv|rye|pdm|hatch|pixi){_OPTIONS}\s+run{_OPTIONS}|bundle\s+exec|
    (?:docker|podman)(?:\s+|-)compose{_OPTIONS}\s+(?:run|exec){_OPTIONS}\s+\S+|(?:docker|podman)\s+(?:run|exec){_OPTIONS}\s+\S+|
    (?:mise|direnv|doppler|dotenv|op){_OPTIONS}(?:\s+(?:x|exec|run))?{_OPTIONS}\s+(?:--|\.)|xvfb-run(?:\s+-\S+)*)\s+)*
    (?:\S*/)?(?:
        pytest|py\.test|jest|vitest|mocha|ava|rspec|phpunit|pest|tox|nox|ctest|nextest|gotestsum|
        playwright\s+test|cypress\s+run|(?:python[\d.]*\s+(?:-\S+\s+)*)?-m\s+(?:pytest|unittest|nose2?)|python[\d.]*\s+manage\.py\s+test|
        (?:npm|pnpm|yarn|bun){_OPTIONS}(?:\s+workspace\s+\S+)?\s+(?:(?:run|run-script){_OPTIONS}\s+)?(?:t|tests?|test[-_:]\S+)|
        cargo\s+(?:\+\S+\s+)?(?:test|nextest)|(?:go|deno|bun|node|dotnet|swift|mix|flutter|dart|hatch|rails|bazel|artisan)(?:\s+-\S+)*\s+(?:--)?test|
        zig\s+build\s+test|(?:php\s+)?artisan\s+test|composer\s+(?:run\s+)?test|
        make{_OPTIONS}(?:\s+[\w./=-]+)*?\s+(?:tests?|check|test[-_:]\S+)|(?:just|task|rake|(?:mise|moon)(?:\s+(?:run|r))?){_OPTIONS}\s+(?:tests?|check|test[-_:]\S+)|
        (?:mvnw?|gradlew?)\b.*?\s(?:\S*:)?(?:test|verify|check)|sbt\s+.*?test|xcodebuild\s+.*?\btest|(?:nx|turbo)\s+(?:run\s+)?\S*\btest
    )(?=\s|$)""",
    re.VERBOSE,
)
_KEYWORDS: Final = re.compile(r"^(?:(?:do|then|else|if|while|!)\s+)*")
_HEREDOC: Final = re.compile(r"<<-?\s*['\"]?(\w+)")
# The texts between `;`, `&`, `|`, brackets and ends of lines; quoted texts hold none of them.
_PARTS: Final = re.compile(r"""((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^"'\\;&|()\n]|(?<=[<>])&|&(?=>))+)""")
# A command for another shell, as `docker exec app sh -c "cd web && npm test"`.
_SHELL: Final = re.compile(r"""(?:^|\s|/)(?:ba|z|da)?sh\s+(?:-\S+\s+)*?-\w*c\s+(?:"((?:\\.|[^"\\])*)"|'([^']*)')""")

# Summaries, the most telling first: (pattern, whether all of a text are added up, as of runners that print one for each package; else the last counts).
# Numbers are groups: `ran`, `passed`, `failed`, and `errors` that failed too. `words` holds them as words, `12 passed, 1 failed`.
_SUMMARIES: Final[tuple[tuple[re.Pattern[str], bool], ...]] = tuple(
    (re.compile(pattern, re.MULTILINE), is_added_up)
    for pattern, is_added_up in (
        (
            r"^=*\s*(?P<words>(?:\d+ (?:failed|passed|error|errors|skipped|deselected|xfailed|xpassed|warnings?|rerun)(?:, )?)+) in [\d.:]+",
            False,
        ),
        (r"^\s*Tests:?\s+(?P<words>.*\b\d+ (?:passed|failed).*)$", False),
        # nextest
        (r"^\s*Summary \[[^\]\n]*\]\s+\d+(?:/\d+)? tests? run: (?P<words>\d+ passed.*)$", False),
        (r"^test result: (?:ok|FAILED)\. (?P<passed>\d+) passed; (?P<failed>\d+) failed;", True),
        # RSpec, ExUnit
        (r"^(?:\d+ (?:doctests?|properties|property), )*(?P<ran>\d+) (?:examples?|tests?), (?P<failed>\d+) failures?", False),
        # gotestsum
        (r"^DONE (?P<ran>\d+) tests?(?:, \d+ skipped)?(?:, (?P<failed>\d+) failures?)?(?:, (?P<errors>\d+) errors?)? in ", False),
        (
            r"^Ran (?P<ran>\d+) tests? in [\d.]+s\s+(?:OK|FAILED \((?:failures=(?P<failed>\d+))?[, ]*(?:errors=(?P<errors>\d+))?[^)]*\))",
            False,
        ),
        (r"Tests run: (?P<ran>\d+), Failures: (?P<failed>\d+), Errors: (?P<errors>\d+)", False),
        (r"Failed:\s+(?P<failed>\d+), Passed:\s+(?P<passed>\d+)", True),
        # PHPUnit
        (r"^OK \((?P<ran>\d+) tests?, \d+ assertions?\)", False),
        (r"^Tests: (?P<ran>\d+), Assertions: \d+(?:, Errors: (?P<errors>\d+))?(?:, Failures: (?P<failed>\d+))?", False),
        # Deno
        (r"^(?:ok|FAILED) \| (?P<words>\d+ passed.*\d+ failed)", False),
        # Wrappers, as `✓ cargo test: 137 passed (4 suites)` and `Pytest: 5 passed, 1 failed`
        (r"^(?:[✓✗❌] )?[A-Za-z][\w ]{1,20}: (?P<words>\d+ (?:passed|failed)\b.*)$", False),
        (r"^PASS \((?P<passed>\d+)\) FAIL \((?P<failed>\d+)\)", False),
    )
)
# A line for each number: node's `# pass 12`, with a letter of its own in a terminal; bun's ` 12 pass`; of Mocha, Cypress and Playwright.
_LINES: Final = (
    re.compile(r"^\S (?P<word>pass|fail) (?P<number>\d+)$", re.MULTILINE),
    re.compile(r"^\s*(?P<number>\d+) (?P<word>pass|fail)\s*$", re.MULTILINE),
    re.compile(r"^\s+(?P<number>\d+) (?P<word>passed|failed|passing|failing)\b", re.MULTILINE),
)
# A line of each package; with -v and -run the end alone.
_GO: Final = re.compile(r"^(?:(ok)\s+\S+\s+(?:[\d.]+s|\(cached\))|(PASS)$|(?:--- )?(FAIL)\b)", re.MULTILINE)
# It ends as what comes after it.
_HIDES: Final = re.compile(r"\|(?!\|)|\|\||;\s*\S|\n\s*\S")
# Where the output goes says nothing of the tests.
_REDIRECTION: Final = re.compile(r"\s*(?:\d?>>?\s*(?:&\d|\S+)|&>\s*\S+|2>&1)(?=\s|$)")
_COUNT: Final = re.compile(r"(\d+) (\w+)")
_PASSED: Final = ("passed", "pass", "passing")
_FAILED: Final = ("failed", "fail", "failing", "error", "errors")


class Ended(NamedTuple):
    """How a run ended. A number is None if nothing tells it."""

    result: RunResult
    passed: int | None = None
    failed: int | None = None


def runs_of_tests(status: str, command: str, printed: str) -> list[RunOfTests]:
    """The runs of a call that has ended, each command once."""
    parts = parts_that_test(command)
    ended = how_it_ended(status, command, printed) if parts else None
    return [RunOfTests(part, *ended) for part in parts[:_MOST_RUNS]] if ended else []


def parts_that_test(command: str) -> list[str]:
    """The parts of a shell command that run tests, each once: `cd web && npm test 2>&1 | tail` has `npm test`."""
    return list(dict.fromkeys(_parts_that_test(command, _MAX_DEPTH)))


def _parts_that_test(command: str, depth: int) -> Iterator[str]:
    for raw in _PARTS.findall(_without_heredocs(command)):
        part = _KEYWORDS.sub("", " ".join(raw.split()))
        if _RUNS.match(part[:_LOOKED_AT_CHARACTERS]):
            yield _REDIRECTION.sub("", part)[:_COMMAND_CHARACTERS]
        elif depth and (inner := _SHELL.search(raw)):
            yield from _parts_that_test(inner[1] or inner[2] or "", depth - 1)


def _without_heredocs(command: str) -> str:
    """The lines that the shell runs: what a heredoc has is text."""
    lines, end = [], None
    for line in command.splitlines():
        if end is None:
            lines.append(line)
            opened = _HEREDOC.search(line)
            end = opened and opened[1]
        elif line.strip() == end:
            end = None
    return "\n".join(lines)


def how_it_ended(status: str, command: str, printed: str) -> Ended:
    """By the summary; without one, by how the call ended, unless a pipe or `||` hides how the tests did."""
    if counted := _counted(printed):
        passed, failed = counted
        return Ended("failed" if failed else "passed", passed, failed)
    if packages := _GO.findall(printed):
        return Ended("failed" if any(failed for _, _, failed in packages) else "passed")
    if status != "success":
        return Ended("failed")
    return Ended("unknown" if _HIDES.search(command) else "passed")


def _counted(printed: str) -> tuple[int, int] | None:
    """How many tests passed and failed, by the summary in the text."""
    for pattern, is_added_up in _SUMMARIES:
        if found := [_numbers_of(match.groupdict()) for match in pattern.finditer(printed)]:
            passed, failed = (sum(numbers) for numbers in zip(*found, strict=True)) if is_added_up else found[-1]
            return min(passed, MAX_NUMBER), min(failed, MAX_NUMBER)
    for pattern in _LINES:
        if counts := {match["word"]: _number(match["number"]) for match in pattern.finditer(printed)}:
            passed, failed = _counts_of(counts)
            return min(passed, MAX_NUMBER), min(failed, MAX_NUMBER)
    return None


def _numbers_of(groups: dict[str, str | None]) -> tuple[int, int]:
    if words := groups.get("words"):
        return _counts_of({word: _number(number) for number, word in _COUNT.findall(words)})
    numbers = {name: _number(text or "0") for name, text in groups.items()}
    failed = numbers.get("failed", 0) + numbers.get("errors", 0)
    return (max(numbers["ran"] - failed, 0) if "ran" in numbers else numbers.get("passed", 0)), failed


def _counts_of(counts: dict[str, int]) -> tuple[int, int]:
    return sum(counts.get(word, 0) for word in _PASSED), sum(counts.get(word, 0) for word in _FAILED)


def _number(text: str) -> int:
    """A command may print a number of any length."""
    return int(text) if len(text) < 16 else MAX_NUMBER


_COMMITS: Final = re.compile(r"\bgit\b[^\n|;&]*\bcommit\b")
_AMENDS: Final = re.compile(r"\bgit\b[^\n|;&]*\bcommit\b[^\n|;&]*--amend\b")
_COMMITTED: Final = re.compile(r"^\[[^\]\n]* ([0-9a-f]{7,40})\] ([^\r\n]+)", re.MULTILINE)
_WRAPPED: Final = re.compile(r"^(?:ok|(?:ok )?[✓✔]) ([0-9a-f]{7,40})\s*$", re.MULTILINE)
_WRAPS: Final = re.compile(r"(?:^|[;&|(\n])[ \t]*+(?!(?:sudo|env|time|echo|git)\b)(?:[\w./-]+[ \t]+){1,3}git\b[^\n|;&]*\bcommit\b")
_NOTHING: Final = re.compile(r"^(?:nothing|no changes) (?:added )?to commit", re.MULTILINE)
# The first line of `-m "…"`, `-am '…'`, `--message=…`, and of a text that a heredoc gives.
_MESSAGE: Final = re.compile(
    r"""\s(?:-[a-zA-Z]*m|--message)[\s=]*(?:"\$\(cat\s+<<-?\s*['"]?(\w+)['"]?\n\s*(?P<heredoc>[^\n]+)|"(?P<double>[^"\n$]+)|'(?P<single>[^'\n]+))"""
)
_OPENS: Final = re.compile(r"\bgh\s+pr\s+create\b|\bglab\s+mr\s+create\b")
# Does something with one that is there.
_HANDLES: Final = re.compile(r"\bgh\s+pr\s+(?!create\b)\w+|\bglab\s+mr\s+(?!create\b)\w+")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'\\)\]]+/(?:pull|pull-requests|-/merge_requests)/\d+")
_SUBJECT_CHARACTERS: Final = 200
_ADDRESS_CHARACTERS: Final = 2_000
_MOST_COMMITS: Final = 100


def commits_of(command: str, result: str) -> list[MadeCommit]:
    """The commits of a command that succeeded, in their order.

    git prints `[branch hash] subject` for each. A wrapper may print the hash alone, and a quiet git nothing: then `-m` has the subject.
    """
    if not (begins := _COMMITS.search(command)):
        return []
    if printed := _COMMITTED.findall(result):
        return [_commit(subject, short_hash) for short_hash, subject in printed[:_MOST_COMMITS]]
    found = _MESSAGE.finditer(command, begins.start())
    subjects = [message["heredoc"] or message["double"] or message["single"] for message in found]
    if hashes := _WRAPPED.findall(result) if _WRAPS.search(command) else []:
        return [_commit(subjects[at] if at < len(subjects) else each, each) for at, each in enumerate(hashes[:_MOST_COMMITS])]
    if not subjects or _NOTHING.search(result):
        return []
    if not result.strip():
        return [_commit(subjects[0], None)]
    # A quiet one, and `git log --oneline` behind it.
    logged = re.search(rf"^([0-9a-f]{{7,40}}) (?:\([^)\n]*\) )?{re.escape(subjects[0].strip())}$", result, re.MULTILINE)
    return [_commit(subjects[0], logged[1])] if logged else []


def amends(command: str) -> bool:
    """Whether the command's first commit takes the place of the one before."""
    return _AMENDS.search(command) is not None


def pull_requests_of(tool_name: str, command: str, result: str, linked: str | None = None) -> list[str]:
    """The address of the pull request that a call opened. `linked`: the one that Claude Code told while the call ran, by a record `pr-link`."""
    opens = _OPENS.search(command) is not None or tool_name.endswith("create_pull_request")
    found: list[str] = []
    if linked and _ADDRESS.fullmatch(linked) and (opens or (command and not _HANDLES.search(command))):
        found = [linked]
    elif opens:
        # The last one: what stands before it may be the address of a base or a template.
        found = _ADDRESS.findall(result)[-1:]
    return [address for address in found if len(address) <= _ADDRESS_CHARACTERS]


def _commit(subject: str, short_hash: str | None) -> MadeCommit:
    return MadeCommit(subject.strip()[:_SUBJECT_CHARACTERS], short_hash)


_SHELLS: Final = frozenset({"Bash", "PowerShell"})
_ENDED: Final = frozenset({"success", "error", "timeout"})
# The words that the command of a call has somewhere if any outcome can come of it; most have none of them.
_TELLING: Final = re.compile(r"commit|\bpr\b|\bmr\b|test|jest|spec|tox|nox|check|mocha|ava|mvn|gradle")


def may_tell(tool_name: str, parameters: Any, linked: str | None = None) -> bool:
    """Whether a call can have an outcome, before its result is looked at."""
    return bool(linked) or tool_name.endswith("create_pull_request") or bool(_TELLING.search(_command_of(tool_name, parameters)))


def outcome_of(tool_name: str, status: ToolStatus, parameters: Any, result: str, linked: str | None = None) -> CallOutcome | None:
    """None if nothing came of it. `result`: what Claude was told; `linked`: the pull request that Claude Code told while the call ran."""
    if status not in _ENDED or not may_tell(tool_name, parameters, linked):
        return None
    command = _command_of(tool_name, parameters)
    outcome = CallOutcome(runs_of_tests=runs_of_tests(status, command, result))
    if status == "success":
        outcome.commits = commits_of(command, result)
        outcome.amends = bool(outcome.commits) and amends(command)
        outcome.pull_requests = pull_requests_of(tool_name, command, result, linked)
    return outcome if outcome.commits or outcome.pull_requests or outcome.runs_of_tests else None


def _command_of(tool_name: str, parameters: Any) -> str:
    command = parameters.get("command") if tool_name in _SHELLS and isinstance(parameters, dict) else None
    return command if isinstance(command, str) else ""
