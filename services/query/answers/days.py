"""A day: parameters and answer."""

import datetime
from typing import Annotated, Final
from uuid import UUID

from services.query.answers.answer import Answer
from services.query.answers.fields import TitleSource, doc
from services.query.answers.lists import SessionShare
from services.query.answers.stats import UsageMeasures, UsageRange

# The most per session: its first prompts on the day, the files with most lines, and the kinds of failures.
MOST_ASKS: Final = 5
ASK_CHARACTERS: Final = 300
MOST_FILES: Final = 10
MOST_FAILURES: Final = 3


class DayMeasures(UsageMeasures, kw_only=True):
    # 0 where the statement gives no row of a project.
    user_messages: Annotated[int, doc("Prompts.")] = 0
    files_modified: Annotated[int, doc("Number of distinct files.")] = 0


class DayProject(DayMeasures, kw_only=True):
    project_id: Annotated[int | None, doc("null if unknown.")]
    project_name: str | None


class DayAsk(Answer):
    message_id: UUID
    timestamp: datetime.datetime
    text: Annotated[str, doc(f"The first {ASK_CHARACTERS} characters.")]


class DayFile(Answer):
    file_path: str | None
    lines_added: int
    lines_removed: int


class DayCommit(Answer):
    timestamp: datetime.datetime
    subject: str
    hash: Annotated[str | None, doc("As short as git printed it; null if it printed nothing.")]


class DayPullRequest(Answer):
    timestamp: datetime.datetime
    url: str


class DayFailure(Answer):
    tool_name: str
    error_class: str | None
    calls: int


class ActiveTime(Answer):
    start: datetime.datetime
    end: datetime.datetime


class DaySession(Answer):
    """A session that was active on the day."""

    session_id: str
    title: str | None
    title_source: TitleSource
    project_id: int | None
    project_name: str | None
    user: str | None
    model: str | None
    git_branch: str | None
    start_time: datetime.datetime | None
    began_before: Annotated[bool, doc("Whether it began on an earlier day.")]
    goes_on: Annotated[bool, doc("Whether something happened in it on a later day.")]
    first_at: Annotated[datetime.datetime, doc("When it was first active on the day.")]
    last_at: Annotated[datetime.datetime, doc("When it was last active on the day.")]
    active: Annotated[
        list[ActiveTime],
        doc(
            "When something happened in it on the day, in order. In between it waited, longer than the idle gap. Empty if only a summary is known."
        ),
    ]
    share: Annotated[SessionShare, doc("What of it is of this day.")]
    asks: Annotated[
        list[DayAsk], doc(f"The first {MOST_ASKS} things that it was asked on the day: prompts, and commands that Claude answered.")
    ]
    files: Annotated[list[DayFile], doc(f"The {MOST_FILES} files with most lines changed on the day; `share.files_modified` counts all.")]
    failures: Annotated[list[DayFailure], doc(f"Calls that failed, by tool and class: the {MOST_FAILURES} most frequent kinds.")]
    commits: Annotated[list[DayCommit], doc("Those that its shell commands made, as their results say.")]
    pull_requests: Annotated[list[DayPullRequest], doc("Those that its calls opened.")]


class Day(Answer):
    date: datetime.date
    range: UsageRange
    totals: DayMeasures
    projects: Annotated[list[DayProject], doc("Those in which something happened, the most active first.")]
    sessions: Annotated[list[DaySession], doc("In the order of their first activity on the day.")]
    sessions_left_out: Annotated[int, doc("Sessions of the day that are beyond `limit`.")]
    standup: Annotated[str | None, doc("The day as a short text to paste, made by rules.")]
