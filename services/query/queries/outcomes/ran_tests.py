"""Commands that ran tests, and how they ended, read from a shell command and what it printed.

The summary of the runner decides: a pipe as `pytest | tail` ends well whatever the tests did.
"""

import re
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct

from services.query.answers.outcome import RanTests, TestResult

_COMMAND_CHARACTERS: Final = 200
# What a command that runs tests has somewhere, for Postgres; _RUNS decides.
TELLING: Final = r"test|jest|spec|tox|nox|check"
# A command, behind variables and programs that start others, as `CI=1 uv run pytest -q`.
_RUNS: Final = re.compile(
    r"""^(?:\w+=\S*\s+|(?:sudo|time|nice(?:\s+-n\s*\d+)?|timeout\s+\S+|env|npx|bunx|pnpm\s+exec|yarn\s+exec|uv\s+run|poetry\s+run|pipenv\s+run|rye\s+run|
    bundle\s+exec|docker\s+compose\s+(?:run|exec)(?:\s+-\S+)*\s+\S+|xvfb-run(?:\s+-\S+)*)\s+)*
    (?:\S*/)?(?:
        pytest|py\.test|jest|vitest|mocha|ava|rspec|phpunit|pest|tox|nox|ctest|nextest|gotestsum|
        playwright\s+test|cypress\s+run|python[\d.]*\s+(?:-\S+\s+)*-m\s+(?:pytest|unittest|nose2?)|python[\d.]*\s+manage\.py\s+test|
        (?:npm|pnpm|yarn|bun)(?:\s+-\S+(?:\s+(?!-|run\b|test\b)[\w./@-]+)?)*\s+(?:run\s+|run-script\s+)?(?:t|tests?|test:\S+)|
        cargo\s+(?:\+\S+\s+)?(?:test|nextest)|go\s+test|deno\s+test|bun\s+test|dotnet\s+test|swift\s+test|mix\s+test|zig\s+build\s+test|flutter\s+test|dart\s+test|
        (?:make|just|task|rake)\s+(?:-\S+\s+)*(?:tests?|check|test[-_:]\S+)|(?:mvnw?|gradlew?)\b.*?\s(?:\S*:)?(?:test|verify|check)|
        sbt\s+.*?test|bazel\s+test|xcodebuild\s+.*?\btest|rails\s+test
    )(?=\s|$)""",
    re.VERBOSE,
)
_KEYWORDS: Final = re.compile(r"^(?:(?:do|then|else|if|while|!)\s+)*")
_HEREDOC: Final = re.compile(r"<<-?\s*['\"]?(\w+)")
# What stands between `;`, `&`, `|`, brackets and ends of lines; quoted texts hold none of them.
_PARTS: Final = re.compile(r"""((?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^"'\\;&|()\n]|(?<=[<>])&|&(?=>))+)""")

# Summaries, the most telling first. The last one of a text counts; runners that print one for each package are added up.
_PYTEST: Final = re.compile(
    r"^=*\s*((?:\d+ (?:failed|passed|error|errors|skipped|deselected|xfailed|xpassed|warnings?|rerun)(?:, )?)+) in [\d.:]+", re.MULTILINE
)
_CARGO: Final = re.compile(r"^test result: (?:ok|FAILED)\. (\d+) passed; (\d+) failed;", re.MULTILINE)
_JEST: Final = re.compile(r"^\s*Tests:?\s+(.*\b\d+ (?:passed|failed).*)$", re.MULTILINE)
# RSpec, ExUnit.
_EXAMPLES: Final = re.compile(r"^(?:\d+ (?:doctests?|properties|property), )*(\d+) (?:examples?|tests?), (\d+) failures?", re.MULTILINE)
# `# pass 12`, with a letter of its own in a terminal.
_NODE: Final = re.compile(r"^\S (pass|fail) (\d+)$", re.MULTILINE)
_UNITTEST: Final = re.compile(r"^Ran (\d+) tests? in [\d.]+s\s+(?:OK|FAILED \(([^)]*)\))", re.MULTILINE)
_MAVEN: Final = re.compile(r"Tests run: (\d+), Failures: (\d+), Errors: (\d+)")
_DOTNET: Final = re.compile(r"Failed:\s+(\d+), Passed:\s+(\d+)")
# A line of each package; with -v and -run the end alone.
_GO: Final = re.compile(r"^(?:(ok)\s+\S+\s+(?:[\d.]+s|\(cached\))|(PASS)$|(?:--- )?(FAIL)\b)", re.MULTILINE)
# Mocha, Cypress and Playwright.
_OTHERS: Final = re.compile(r"^\s+(\d+) (passed|failed|passing|failing)\b", re.MULTILINE)
# It ends as what comes after it.
_HIDES: Final = re.compile(r"\|(?!\|)|\|\||;\s*\S|\n\s*\S")
# Where the output goes says nothing of the tests.
_REDIRECTION: Final = re.compile(r"\s*(?:\d?>>?\s*(?:&\d|\S+)|&>\s*\S+|2>&1)(?=\s|$)")
_COUNT: Final = re.compile(r"(\d+) (\w+)")


class Ended(Struct, frozen=True):
    """How a run ended. A number is None if nothing tells it."""

    result: TestResult
    passed: int | None = None
    failed: int | None = None


class RunsOfTests(Struct):
    """The commands of a session that ran tests, by text, in the order of their last runs."""

    commands: dict[str, RanTests]

    def add(
        self, item_id: UUID, agent_id: str | None, timestamp: datetime | None, status: str, command: str | None, printed: str | None
    ) -> None:
        """Takes in a call that is later than those before."""
        for text in parts_that_test(command or ""):
            ended = how_it_ended(status, command or "", printed or "")
            before = self.commands.pop(text, None)
            self.commands[text] = RanTests(
                command=text,
                runs=1 + (before.runs if before else 0),
                failed_runs=int(ended.result == "failed") + (before.failed_runs if before else 0),
                last_at=timestamp,
                last_item_id=item_id,
                last_agent_id=agent_id,
                last_result=ended.result,
                passed=ended.passed,
                failed=ended.failed,
            )


def parts_that_test(command: str) -> list[str]:
    """The parts of a shell command that run tests, each once: `cd web && npm test 2>&1 | tail` has `npm test`."""
    parts = (_KEYWORDS.sub("", " ".join(part.split())) for part in _PARTS.findall(_without_heredocs(command)))
    return list(dict.fromkeys(_REDIRECTION.sub("", part)[:_COMMAND_CHARACTERS] for part in parts if _RUNS.match(part)))


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
    """How many tests passed and failed, by the last summary in the text; of runners that print one for each package, by all."""
    if found := _PYTEST.findall(printed) or _JEST.findall(printed):
        counts = {word: int(number) for number, word in _COUNT.findall(found[-1])}
        return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0)
    if found := _CARGO.findall(printed):
        return sum(int(passed) for passed, _ in found), sum(int(failed) for _, failed in found)
    if found := _EXAMPLES.findall(printed):
        examples, failed = map(int, found[-1])
        return examples - failed, failed
    if found := _UNITTEST.findall(printed):
        ran, wrong = found[-1]
        failed = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", wrong))
        return int(ran) - failed, failed
    if found := _MAVEN.findall(printed):
        ran, failures, errors = map(int, found[-1])
        return ran - failures - errors, failures + errors
    if found := _DOTNET.findall(printed):
        return sum(int(passed) for _, passed in found), sum(int(failed) for failed, _ in found)
    if found := _NODE.findall(printed):
        counts = {word: int(number) for word, number in found}
        return counts.get("pass", 0), counts.get("fail", 0)
    if found := _OTHERS.findall(printed):
        counts = {word: int(number) for number, word in found}
        return counts.get("passed", 0) + counts.get("passing", 0), counts.get("failed", 0) + counts.get("failing", 0)
    return None
