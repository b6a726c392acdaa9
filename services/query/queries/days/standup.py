"""A day as a short text to paste, made by rules: by project, what was asked and what came of it. No model writes it.

Projects come by their time, sessions by theirs within one. A session without commits, pull requests and files that took less than a few minutes is only
counted. What it cost is left out: the text is for colleagues.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from services.query.database import Row
from shared import quantities

_SMALL_MINUTES: Final = 3
_MOST_SESSIONS: Final = 8
_MOST_COMMITS: Final = 5
_ASK_CHARACTERS: Final = 120


def standup(day: date, tz: ZoneInfo, found: Row) -> str:
    """The text of a day's answer; one line if nothing happened."""
    head = quantities.day_text(day)
    if not found["sessions"]:
        return f"{head}: nothing with Claude Code."
    by_project: dict[int | None, list[Row]] = defaultdict(list)
    for session in found["sessions"]:
        by_project[session["project_id"]].append(session)
    users = {session["user"] for session in found["sessions"]}
    blocks = [f"{head}: {quantities.minutes(found['totals']['active_minutes'])} with Claude Code ({tz.key})"]
    for item in found["projects"]:
        if sessions := by_project.pop(item["project_id"], []):
            lines = _lines(sessions, names_user=len(users) > 1)
            blocks.append(
                "\n".join((f"{item['project_name'] or 'Without a project'} ({quantities.minutes(item['active_minutes'])})", *lines))
            )
    return "\n\n".join(blocks)


def _lines(sessions: list[Row], *, names_user: bool) -> Iterator[str]:
    ordered = sorted(sessions, key=lambda session: -session["share"]["active_minutes"])
    told = [session for session in ordered if not _is_small(session)][:_MOST_SESSIONS] or ordered[:1]
    for session in told:
        parts = [*_outcome(session), f"{quantities.minutes(session['share']['active_minutes'])}"]
        user = f"{session['user']}: " if names_user and session["user"] else ""
        yield f"- {user}{_ask(session)} ({'; '.join(parts)})"
        for commit in session["commits"][:_MOST_COMMITS]:
            yield f"  - commit {commit['hash'] + ' ' if commit['hash'] else ''}{_one_line(commit['subject'])}"
        if (more := len(session["commits"]) - _MOST_COMMITS) > 0:
            yield f"  - {quantities.counted(more, 'more commit')}"
        for pull_request in session["pull_requests"]:
            yield f"  - {pull_request['url']}"
    if rest := len(sessions) - len(told):
        yield f"- {quantities.counted(rest, 'smaller session')}"


def _is_small(session: Row) -> bool:
    share = session["share"]
    has_outcome = session["commits"] or session["pull_requests"] or share["files_modified"]
    return not has_outcome and share["active_minutes"] < _SMALL_MINUTES


def _outcome(session: Row) -> Iterator[str]:
    share = session["share"]
    if share["files_modified"]:
        yield f"{quantities.counted(share['files_modified'], 'file')} +{share['lines_added']:,} −{share['lines_removed']:,}"
    if session["commits"]:
        yield quantities.counted(len(session["commits"]), "commit")
    if session["pull_requests"]:
        yield quantities.counted(len(session["pull_requests"]), "pull request")


def _ask(session: Row) -> str:
    """The title; without one, the first prompt of the day."""
    first = session["asks"][0]["text"] if session["asks"] else ""
    return _one_line(session["title"] or first) or "Without a title"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _ASK_CHARACTERS else f"{line[: _ASK_CHARACTERS - 1]}…"
