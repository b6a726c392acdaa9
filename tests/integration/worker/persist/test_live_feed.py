"""The items of the live feed: each act once, after its commit, with the session that it belongs to."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.persist.live import feed_items
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, SessionEnd, SessionStart, ToolCall
from shared.feed import ENTRY_BYTES, FEED_ENTRIES, FEED_KEY, ITEMS_FIELD, TEXT_CHARACTERS, FeedItem
from shared.journal.streams import stream_key
from tests.integration.worker.journal_entries import NOW, store
from tests.integration.worker.persist.told_feed import feed_of, stored

START = SessionStart(project_path="/home/ann/shop", start_time=NOW, session_id="s", user="ann", id=uuid4())


def message(text: str, role: Any = "user", *, at: datetime = NOW) -> Conversation:
    return Conversation(session_id="s", content=text, role=role, timestamp=at, id=uuid4())


def tool(status: Any, event_id: UUID | None = None, **fields: Any) -> ToolCall:
    return ToolCall(tool_name="Bash", result_status=status, timestamp=NOW, id=event_id or uuid4(), **fields)


def kinds(items: list[FeedItem]) -> list[str]:
    return [item.kind for item in items]


def test_each_act_is_told_with_its_session(worker: Resources) -> None:
    """given a whole session in one request, then its acts are in their order, between its start and its end."""
    events = [
        START,
        message("fix the tests"),
        tool("pending", session_id="s"),
        tool("error", session_id="s", execution_time_ms=70),
        Activity(
            session_id="s", file_path="/home/ann/shop/a.py", action="modified", lines_added=3, lines_removed=1, timestamp=NOW, id=uuid4()
        ),
        message("done", "assistant"),
        SessionEnd(session_id="s", end_time=NOW + timedelta(minutes=1), id=uuid4()),
    ]

    items = stored(worker, *events)

    assert kinds(items) == ["session_started", "prompt", "tool_started", "tool_finished", "file_changed", "reply", "session_ended"]
    assert {(item.session_id, item.project_name, item.user) for item in items} == {("s", "shop", "ann")}
    assert items[1].content == "fix the tests"
    assert (items[3].tool_name, items[3].result_status, items[3].execution_time_ms) == ("Bash", "error", 70)
    assert (items[4].file_path, items[4].action, items[4].lines_added, items[4].lines_removed) == ("/home/ann/shop/a.py", "modified", 3, 1)
    assert items[6].reason == "explicit"
    assert {(items[place].title, items[place].title_source) for place in (0, 6)} == {("fix the tests", "prompt")}


def test_a_repeated_event_is_told_once(worker: Resources) -> None:
    call = tool("success", session_id="s")
    assert kinds(stored(worker, START, call)) == ["session_started", "tool_finished"]

    again = stored(worker, START, call, message("new"), received_at=NOW + timedelta(seconds=1))

    assert kinds(again) == ["prompt"]


def test_an_event_that_dies_is_not_told(worker: Resources) -> None:
    call = tool("success", session_id="s")
    stored(worker, START, call)

    conflict = stored(worker, tool("success", call.id, session_id="other"), message("kept"), received_at=NOW + timedelta(seconds=1))

    assert kinds(conflict) == ["prompt"]


def test_a_session_that_goes_on_after_its_end_is_reopened(worker: Resources) -> None:
    stored(worker, START, SessionEnd(session_id="s", end_time=NOW + timedelta(minutes=1), id=uuid4()))

    later = stored(worker, message("one more thing", at=NOW + timedelta(minutes=5)))

    assert kinds(later) == ["session_reopened", "prompt"]
    assert kinds(stored(worker, message("and another", at=NOW + timedelta(minutes=6)))) == ["prompt"]


def test_a_session_that_is_closed_idle_is_told(worker: Resources) -> None:
    """given two sessions without an event for half an hour and for a day, then the end of the first is told; the other is history."""
    now = datetime.now(UTC)
    for session_id, at in (("quiet", now - timedelta(minutes=31)), ("old", now - timedelta(days=1))):
        start = SessionStart(project_path="/home/ann/shop", start_time=at, session_id=session_id, user="ann", id=uuid4())
        stored(worker, start, received_at=at)
    before = len(feed_of(worker.redis))

    assert close_idle_sessions(worker) == 2

    [ended] = feed_of(worker.redis)[before:]
    assert (ended.kind, ended.reason, ended.session_id, ended.user) == ("session_ended", "idle", "quiet", "ann")


def test_history_is_not_told(worker: Resources) -> None:
    assert stored(worker, START, message("long ago"), received_at=NOW + timedelta(hours=2)) == []


def test_a_call_without_a_session_is_told_with_its_user(worker: Resources) -> None:
    [item] = stored(worker, tool("success", user="bo"))
    assert (item.kind, item.session_id, item.user) == ("tool_finished", None, "bo")


def test_long_texts_are_cut(worker: Resources) -> None:
    items = stored(worker, START, message("long " * 1000))
    assert items[1].content == ("long " * 1000)[:TEXT_CHARACTERS]


def test_the_feed_is_capped(worker: Resources) -> None:
    """given more than the feed keeps, then its oldest entries are gone and its entries are small."""
    items = [FeedItem(kind="prompt", content="x" * TEXT_CHARACTERS) for _ in range(30_000)]

    for _ in range(3):
        feed_items.append_to_feed(worker.redis, items)

    entries: Any = worker.redis.xrange(FEED_KEY)
    assert FEED_ENTRIES <= len(entries) <= FEED_ENTRIES + 100
    assert max(len(fields[ITEMS_FIELD]) for _, fields in entries) <= ENTRY_BYTES + 1024


def test_a_feed_that_cannot_be_written_does_not_stop_the_drain(worker: Resources) -> None:
    worker.redis.set(FEED_KEY, "not a stream")

    store(worker, START)

    assert worker.redis.xlen(stream_key(0)) == 0
