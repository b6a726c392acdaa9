"""The commits and pull requests that a shell command made, read from it and from its result.

git prints `[branch hash] subject` for each commit. A quiet one prints nothing, and a wrapper may print the hash alone, as `ok ✓ 1a2b3c4`: then the subject
is what stands behind `-m`.
"""

import re
from typing import Final

from shared.claude_formats.call_outcome import MadeCommit

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
    """The commits of a command that succeeded, in their order."""
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
