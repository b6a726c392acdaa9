"""Real transcripts: who was active when, and what a session cost by day, are equal to a count of their lines that shares nothing with the product."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from services.query.app import create_app
from services.query.settings import Settings
from services.worker.resources import Resources
from tests.conftest import LOCAL
from tests.integration.worker.aggregates.raw_sessions import Session, without_copies
from tests.integration.worker.capture.captured import import_files
from tests.skips import SAMPLES, needs

pytestmark = needs("samples")

DAY = timedelta(days=1)
# West and east of the days of UTC, and with a change of time.
ZONES = ("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")
USERS = ("ann", "bob", "cleo")


def user_of(path: Path) -> str:
    """Each repository is of one person."""
    folder = path.relative_to(SAMPLES / "transcripts").parts[0]
    return USERS[sum(folder.encode()) % len(USERS)]


@pytest.fixture
def raw(worker: Resources, tmp_path: Path) -> dict[str, Session]:
    """The sessions as their lines say, all of them imported."""
    paths = sorted((SAMPLES / "transcripts").glob("*/projects/**/*.jsonl"))
    kept, sessions = without_copies(paths, user_of)
    assert len(sessions) >= 75
    for user in USERS:
        import_files(worker, tmp_path, *(path.read_bytes() for path in kept if user_of(path) == user), user=user)
    return sessions


@pytest.fixture
def client(database_url: str, redis_url: str) -> Iterator[TestClient]:
    settings = Settings(database_url=database_url, redis_url=redis_url, log_level="CRITICAL")
    with TestClient(create_app(settings), LOCAL) as client:
        yield client


def day_of(at: datetime, tz: str) -> date:
    return at.astimezone(ZoneInfo(tz)).date()


def bounds(day: date, tz: str) -> tuple[datetime, datetime]:
    start, end = (datetime(each.year, each.month, each.day, tzinfo=ZoneInfo(tz)).astimezone(UTC) for each in (day, day + DAY))
    return start, end


def days_of(session: Session, tz: str) -> list[date]:
    """The days on which something happened in it."""
    first, last = (day_of(at, tz) for at in (min(session.times), max(session.times)))
    candidates = (first + n * DAY for n in range((last - first).days + 1))
    return [day for day in candidates if session.is_active(*bounds(day, tz))]


def test_samples_give_on_each_day_what_their_lines_say(client: TestClient, raw: dict[str, Session]) -> None:
    # One test, since the import takes half a minute.
    sessions_are_those_of_the_lines(client, raw)
    costs_are_those_of_the_lines(client, raw)
    lists_have_each_session_with_its_share(client, raw)


def sessions_are_those_of_the_lines(client: TestClient, raw: dict[str, Session]) -> None:
    paths = {each["id"]: each["path"] for each in client.get("/api/projects?limit=1000").json()}
    keys: dict[str, tuple[Callable[[Session], Any], Callable[[dict[str, Any]], Any]]] = {
        "project": (lambda session: session.cwd and session.cwd[1].replace("\\", "/"), lambda item: paths.get(item["project_id"])),
        "user": (lambda session: session.user, lambda item: item["user"]),
        "": (lambda _: None, lambda _: None),
    }
    for tz in ZONES:
        for dimension, (key_of, key_of_item) in keys.items():
            expected: dict[Any, Counter[str]] = defaultdict(Counter)
            for session in raw.values():
                expected[key_of(session), day_of(min(session.times), tz)]["sessions"] += 1
                for day in days_of(session, tz):
                    expected[key_of(session), day]["active_sessions"] += 1

            items = client.get("/api/usage", params={"group_by": f"{dimension},day".strip(","), "tz": tz}).json()["items"]

            counted = {(key_of_item(item), date.fromisoformat(item["day"])): item for item in items if item["active_sessions"]}
            assert {key: (each["sessions"], each["active_sessions"]) for key, each in counted.items()} == {
                key: (each["sessions"], each["active_sessions"]) for key, each in expected.items()
            }


def costs_are_those_of_the_lines(client: TestClient, raw: dict[str, Session]) -> None:
    on_several_days = 0
    for session_id, session in raw.items():
        for tz in ZONES:
            calls: dict[date, Counter[str]] = defaultdict(Counter)
            for call in session.calls.values():
                of_day = calls[day_of(call.at, tz)]
                of_day.update(input_tokens=call.tokens[0], cache_creation_tokens=call.tokens[1] + call.tokens[2])
                of_day.update(cache_read_tokens=call.tokens[3], output_tokens=call.tokens[4], api_calls=1)
                of_day["nano_usd"] += round(call.cost * 1e9)
            for at in session.tool_calls.values():
                calls[day_of(at, tz)]["tool_calls"] += 1
            on_several_days += len(calls) > 1
            names = ("input_tokens", "cache_creation_tokens", "cache_read_tokens", "output_tokens", "api_calls", "tool_calls")

            items = client.get("/api/usage", params={"session_id": session_id, "group_by": "day", "tz": tz}).json()["items"]

            counted = {date.fromisoformat(item["day"]): item for item in items if any(item[name] for name in names)}
            assert {day: [item[name] for name in names] for day, item in counted.items()} == {
                day: [of_day[name] for name in names] for day, of_day in calls.items()
            }, session_id
            costs = {day: item["cost_usd"] or 0 for day, item in counted.items()}
            assert costs == pytest.approx({day: of_day["nano_usd"] / 1e9 for day, of_day in calls.items()}, abs=1e-6), session_id
    assert on_several_days > len(ZONES)


def lists_have_each_session_with_its_share(client: TestClient, raw: dict[str, Session]) -> None:
    tz = ZONES[0]
    expected: dict[date, set[str]] = defaultdict(set)
    for session_id, session in raw.items():
        for day in days_of(session, tz):
            expected[day].add(session_id)
    for day, session_ids in expected.items():
        asked = {"start_date": day, "end_date": day, "tz": tz, "by": "active", "include_share": "true", "limit": 1000}

        listed = {item["session_id"]: item for item in client.get("/api/sessions", params=asked).json()["items"]}
        found = client.get(f"/api/days/{day}", params={"tz": tz}).json()

        assert listed.keys() == {session["session_id"] for session in found["sessions"]} == session_ids
        for session in found["sessions"]:
            assert session["share"] == listed[session["session_id"]]["share"]
            calls = [call for call in raw[session["session_id"]].calls.values() if day_of(call.at, tz) == day]
            assert session["share"]["api_calls"] == len(calls)
        total = sum(session["share"]["cost_usd"] or 0 for session in found["sessions"])
        assert (found["totals"]["cost_usd"] or 0) == pytest.approx(total)
    assert all(expected.values())
