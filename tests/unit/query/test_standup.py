"""A day as a text to paste: by project, asks with what came of them, and small things only counted."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.query.answers.days import DayAsk, DayCommit, DayMeasures, DayProject, DayPullRequest, DaySession
from services.query.answers.lists import SessionShare
from services.query.queries.days.standup import standup

DAY, BERLIN = date(2024, 3, 6), ZoneInfo("Europe/Berlin")
AT = datetime(2024, 3, 6, 12, tzinfo=UTC)
TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
NO_TOKENS: dict[str, Any] = dict.fromkeys((*TOKENS, "api_calls", "unpriced_calls"), 0) | {"cost_usd": None}
NOTHING_USED: dict[str, Any] = NO_TOKENS | {
    "total_tokens": 0,
    "cache_saved_usd": None,
    "uncached_input_usd": None,
    "cache_unknown_calls": 0,
}


def session(title: str | None, minutes: float, project_id: int = 1, *, share: dict[str, int] | None = None, **more: Any) -> DaySession:
    counts = dict.fromkeys(
        ("user_messages", "commands", "messages", "tool_calls", "tool_errors", "files_modified", "lines_added", "lines_removed"), 0
    )
    made = DaySession(
        session_id="s",
        title=title,
        title_source="prompt" if title else None,
        project_id=project_id,
        project_name=None,
        user="ann",
        model=None,
        git_branch=None,
        start_time=AT,
        began_before=False,
        goes_on=False,
        first_at=AT,
        last_at=AT,
        active=[],
        share=SessionShare(active_minutes=minutes, **(counts | (share or {})), **NO_TOKENS),
        asks=[],
        files=[],
        failures=[],
        commits=[],
        pull_requests=[],
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def text_of(*sessions: DaySession) -> str:
    names = {1: "shop", 2: "site"}
    minutes = dict.fromkeys((each.project_id for each in sessions), 0.0)
    for each in sessions:
        minutes[each.project_id] += each.share.active_minutes
    projects = [
        DayProject(project_id=each, project_name=names[each or 1], active_minutes=of_project, **NOTHING_USED)
        for each, of_project in minutes.items()
    ]
    return standup(DAY, BERLIN, DayMeasures(active_minutes=sum(minutes.values()), **NOTHING_USED), projects, list(sessions), {})


def test_a_day_is_told_by_project_with_asks_and_outcomes() -> None:
    commit = DayCommit(AT, "Retry failed uploads", "1a2b3c4")
    share = {"files_modified": 2, "lines_added": 40, "lines_removed": 3}
    pull_request = DayPullRequest(AT, "https://github.com/ann/shop/pull/12")

    text = text_of(
        session("Retry uploads", 95, commits=[commit], pull_requests=[pull_request], share=share), session("Why is CI red?", 12, 2)
    )

    assert text == (
        "Wed 6 Mar 2024: 1 h 47 min with Claude Code (Europe/Berlin)\n"
        "\n"
        "shop (1 h 35 min)\n"
        "- Retry uploads (2 files +40 −3; 1 commit; 1 pull request; 1 h 35 min)\n"
        "  - commit 1a2b3c4 Retry failed uploads\n"
        "  - https://github.com/ann/shop/pull/12\n"
        "\n"
        "site (12 min)\n"
        "- Why is CI red? (12 min)"
    )


def test_small_sessions_are_only_counted_unless_there_is_nothing_else() -> None:
    small = [session(f"Small {n}", n / 2) for n in range(1, 4)]

    assert text_of(session("Retry uploads", 95), *small).endswith("- Retry uploads (1 h 35 min)\n- 3 smaller sessions")
    assert text_of(*small).endswith("- Small 3 (2 min)\n- 2 smaller sessions")


def test_a_session_without_a_title_is_called_by_its_first_prompt_of_the_day() -> None:
    ask = [DayAsk(UUID(int=1), AT, "fix\n  the  upload " + "x" * 200)]

    line = text_of(session(None, 5, asks=ask)).splitlines()[-1]

    assert line.startswith("- fix the upload xxx")
    assert line.endswith("x… (5 min)")
    assert text_of(session(None, 5)).endswith("- Without a title (5 min)")


def test_people_are_named_where_there_are_several() -> None:
    assert "- bob: Retry uploads" in text_of(session("Why?", 5), session("Retry uploads", 7, user="bob"))


def test_an_empty_day_is_one_line() -> None:
    assert text_of() == "Wed 6 Mar 2024: nothing with Claude Code."


def test_projects_of_one_name_are_told_apart() -> None:
    projects = [DayProject(project_id=each, project_name="shop", active_minutes=20, **NOTHING_USED) for each in (1, 2)]
    sessions = [session("Retry uploads", 20), session("Why is CI red?", 20, 2)]

    text = standup(DAY, BERLIN, DayMeasures(active_minutes=40, **NOTHING_USED), projects, sessions, {1: "work/shop", 2: "home/shop"})

    assert [line for line in text.splitlines() if "shop" in line] == ["work/shop (20 min)", "home/shop (20 min)"]
