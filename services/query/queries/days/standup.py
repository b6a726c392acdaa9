"""A day as a short text to paste, made by rules: by project, what was asked and what came of it. No model writes it.

Projects come by their time, sessions by theirs within one. A session without commits, pull requests and files that took less than a few minutes is only
counted. Its cost is left out: the text is for colleagues.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from services.query.answers.days import DayMeasures, DayProject, DaySession
from shared import quantities

_SMALL_MINUTES: Final = 3
_MOST_SESSIONS: Final = 8
_MOST_COMMITS: Final = 5
_ASK_CHARACTERS: Final = 120


def standup(
    day: date, tz: ZoneInfo, totals: DayMeasures, projects: list[DayProject], sessions: list[DaySession], labels: Mapping[int | None, str]
) -> str:
    """The text of a day; one line if nothing happened. `labels` of projects, by id."""
    head = quantities.day_text(day)
    if not sessions:
        return f"{head}: nothing with Claude Code."
    by_project: dict[int | None, list[DaySession]] = defaultdict(list)
    for session in sessions:
        by_project[session.project_id].append(session)
    names_user = len({session.user for session in sessions}) > 1
    blocks = [f"{head}: {_minutes(totals)} with Claude Code ({tz.key})"]
    for project in projects:
        if of_project := by_project.pop(project.project_id, []):
            lines = _lines(of_project, names_user=names_user)
            name = labels.get(project.project_id) or project.project_name or "Without a project"
            blocks.append("\n".join((f"{name} ({_minutes(project)})", *lines)))
    return "\n\n".join(blocks)


def _minutes(measures: DayMeasures) -> str:
    return quantities.minutes(measures.active_minutes or 0)


def _lines(sessions: list[DaySession], *, names_user: bool) -> Iterator[str]:
    ordered = sorted(sessions, key=lambda session: -session.share.active_minutes)
    told = [session for session in ordered if not _is_small(session)][:_MOST_SESSIONS] or ordered[:1]
    for session in told:
        parts = [*_outcome(session), quantities.minutes(session.share.active_minutes)]
        user = f"{session.user}: " if names_user and session.user else ""
        yield f"- {user}{_ask(session)} ({'; '.join(parts)})"
        for commit in session.commits[:_MOST_COMMITS]:
            yield f"  - commit {commit.hash + ' ' if commit.hash else ''}{_one_line(commit.subject)}"
        if (more := len(session.commits) - _MOST_COMMITS) > 0:
            yield f"  - {quantities.counted(more, 'more commit')}"
        for pull_request in session.pull_requests:
            yield f"  - {pull_request.url}"
    if rest := len(sessions) - len(told):
        yield f"- {quantities.counted(rest, 'smaller session')}"


def _is_small(session: DaySession) -> bool:
    has_outcome = session.commits or session.pull_requests or session.share.files_modified
    return not has_outcome and session.share.active_minutes < _SMALL_MINUTES


def _outcome(session: DaySession) -> Iterator[str]:
    share = session.share
    if share.files_modified:
        yield f"{quantities.counted(share.files_modified, 'file')} +{share.lines_added:,} −{share.lines_removed:,}"
    if session.commits:
        yield quantities.counted(len(session.commits), "commit")
    if session.pull_requests:
        yield quantities.counted(len(session.pull_requests), "pull request")


def _ask(session: DaySession) -> str:
    """The title; without one, the first prompt of the day."""
    first = session.asks[0].text if session.asks else ""
    return _one_line(session.title or first) or "Without a title"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _ASK_CHARACTERS else f"{line[: _ASK_CHARACTERS - 1]}…"
