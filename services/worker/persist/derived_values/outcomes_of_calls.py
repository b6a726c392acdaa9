"""The outcomes of a tool call, from its parameters and its result: derived once, when the result arrives, so that they stay when texts are dropped."""

import re
from typing import Any, Final

from services.worker.persist.derived_values.commits import amends, commits_of, pull_requests_of
from services.worker.persist.derived_values.runs_of_tests import runs_of_tests
from shared.claude_formats.call_outcome import CallOutcome
from shared.events.messages import ToolStatus

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
