"""What came of a shell command: the commits and pull requests that a call made, read from its command and its result.

git prints `[branch hash] subject` for each commit. A quiet one prints nothing: then the subject is what stands behind `-m`.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from services.query.answers.days import DayCommit, DayPullRequest

_COMMITS: Final = re.compile(r"\bgit\b[^\n|;&]*\bcommit\b")
_AMENDS: Final = re.compile(r"\bgit\b[^\n|;&]*\bcommit\b[^\n|;&]*--amend\b")
_COMMITTED: Final = re.compile(r"^\[[^\]\n]* ([0-9a-f]{7,40})\] ([^\r\n]+)", re.MULTILINE)
# Of `-m "…"`, `-am '…'`, `--message=…`, and of a text that a heredoc gives, the first line.
_MESSAGE: Final = re.compile(
    r"""\s(?:-[a-zA-Z]*m|--message)[\s=]*(?:"\$\(cat\s+<<-?\s*['"]?(\w+)['"]?\n\s*(?P<heredoc>[^\n]+)|"(?P<double>[^"\n$]+)|'(?P<single>[^'\n]+))"""
)
_OPENS: Final = re.compile(r"\bgh\s+pr\s+create\b|\bglab\s+mr\s+create\b")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"'\\)\]]+/(?:pull|pull-requests|-/merge_requests)/\d+")
_SUBJECT_CHARACTERS: Final = 200


class Outcomes(Struct):
    """What a session's calls brought, in their order."""

    commits: list[DayCommit]
    pull_requests: list[DayPullRequest]

    def add(self, timestamp: datetime, tool_name: str, command: str | None, result: str | None) -> None:
        """Takes in a call that succeeded. A commit that amends takes the place of the one before."""
        command, result = command or "", result or ""
        if _COMMITS.search(command):
            made = list(_commits(timestamp, command, result))
            if made and self.commits and _AMENDS.search(command):
                self.commits.pop()
            self.commits += made
        if _OPENS.search(command) or tool_name.endswith("create_pull_request"):
            known = {each.url for each in self.pull_requests}
            # The last one: what stands before it may be the address of a base or a template.
            if (found := _ADDRESS.findall(result)) and found[-1] not in known:
                self.pull_requests.append(DayPullRequest(timestamp, found[-1]))


def _commits(timestamp: datetime, command: str, result: str) -> Iterator[DayCommit]:
    printed = _COMMITTED.findall(result)
    for short_hash, subject in printed:
        yield DayCommit(timestamp, subject.strip()[:_SUBJECT_CHARACTERS], short_hash)
    if not printed and not result.strip() and (found := _MESSAGE.search(command)):
        yield DayCommit(timestamp, (found["heredoc"] or found["double"] or found["single"]).strip()[:_SUBJECT_CHARACTERS], None)
