"""A day as a text to paste: by project, asks with what came of them, and small things only counted."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from services.query.queries.days.standup import standup

DAY, BERLIN = date(2024, 3, 6), ZoneInfo("Europe/Berlin")


def session(title: str | None, minutes: float, project_id: int = 1, **more: Any) -> dict[str, Any]:
    share = {"active_minutes": minutes, "files_modified": 0, "lines_added": 0, "lines_removed": 0} | more.pop("share", {})
    shown = {"title": title, "project_id": project_id, "user": "ann", "share": share, "asks": [], "commits": [], "pull_requests": []}
    return shown | more


def text_of(*sessions: dict[str, Any]) -> str:
    names = {1: "shop", 2: "site"}
    ids = dict.fromkeys(each["project_id"] for each in sessions)
    of_project = {each: sum(s["share"]["active_minutes"] for s in sessions if s["project_id"] == each) for each in ids}
    projects = [{"project_id": each, "project_name": names[each], "active_minutes": minutes} for each, minutes in of_project.items()]
    found = {"sessions": list(sessions), "projects": projects, "totals": {"active_minutes": sum(of_project.values())}}
    return standup(DAY, BERLIN, found)


def test_a_day_is_told_by_project_with_asks_and_outcomes() -> None:
    commit = {"hash": "1a2b3c4", "subject": "Retry failed uploads"}
    share = {"files_modified": 2, "lines_added": 40, "lines_removed": 3}
    pull_request = {"url": "https://github.com/ann/shop/pull/12"}

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
    ask = [{"text": "fix\n  the  upload " + "x" * 200}]

    line = text_of(session(None, 5, asks=ask)).splitlines()[-1]

    assert line.startswith("- fix the upload xxx")
    assert line.endswith("x… (5 min)")
    assert text_of(session(None, 5)).endswith("- Without a title (5 min)")


def test_people_are_named_where_there_are_several() -> None:
    assert "- bob: Retry uploads" in text_of(session("Why?", 5), session("Retry uploads", 7, user="bob"))


def test_an_empty_day_is_one_line() -> None:
    assert text_of() == "Wed 6 Mar 2024: nothing with Claude Code."
