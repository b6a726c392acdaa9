"""How sessions end, and begin again: by hooks, by silence, by what comes later."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.query.database import Database
from services.query.queries.lists.paging import Paging
from services.query.queries.lists.sessions import SessionFilters, session, sessions
from services.query.settings import Settings as QuerySettings
from services.worker.maintenance.idle_sessions import close_idle_sessions
from services.worker.persist.live.feed_items import feed_sessions
from services.worker.resources import Resources
from tests.integration.worker.all_tables import is_verified
from tests.integration.worker.capture.captured import capture, import_files, put_range, read_all
from tests.integration.worker.capture.hook_session import HOOKS, bring_hooks, bring_transcript, put_hooks
from tests.integration.worker.statements import select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, START, answer, jsonl, prompt, refused, text

FOLDER = "/home/ann/app"


def hook(name: str, session_id: str = SESSION, **fields: Any) -> dict[str, Any]:
    return {"session_id": session_id, "cwd": FOLDER, "hook_event_name": name} | fields


@pytest.fixture
def database(database_url: str, redis_url: str) -> Iterator[Database]:
    with closing(Database(QuerySettings(database_url=database_url, redis_url=redis_url))) as database:
        yield database


def state(database: Database, session_id: str = SESSION) -> tuple[str, str | None, datetime | None]:
    """Status, reason of the end, and end, as the query service tells them."""
    with database.connection() as connection:
        found = session(connection, session_id)
    assert found is not None
    return found.status, found.end_reason, found.end_time


def open_sessions(database: Database) -> list[str]:
    with database.connection() as connection:
        return [found.session_id for found in sessions(connection, SessionFilters(status="open"), Paging(100, None, ""), 300).items]


@pytest.mark.parametrize("reason", ["clear", "logout", "prompt_input_exit", "other", "resume", "not known"])
def test_a_session_ends_with_the_reason_of_its_hook(worker: Resources, database: Database, reason: str) -> None:
    bring_hooks(worker, [*HOOKS[:-1], (190, hook("SessionEnd", reason=reason))])

    assert state(database) == ("ended", "other" if reason == "not known" else reason, START + timedelta(seconds=190))
    assert open_sessions(database) == []


def test_a_prompt_after_the_end_opens_the_session_until_its_next_end(worker: Resources, database: Database) -> None:
    bring_hooks(worker)
    assert state(database)[0] == "ended"

    # A resume alone changes nothing: a fork begins like this
    bring_hooks(worker, [(300, hook("SessionStart", source="resume"))])
    assert state(database)[:2] == ("ended", "prompt_input_exit")

    bring_hooks(worker, [(310, hook("UserPromptSubmit", prompt="go on", prompt_id="p3"))])
    assert state(database) == ("open", None, None)

    bring_hooks(worker, [(320, hook("SessionEnd", reason="logout"))])
    assert state(database) == ("ended", "logout", START + timedelta(seconds=320))
    assert is_verified(worker)


def test_a_session_of_which_nothing_is_heard_is_closed_and_opened_by_what_comes_later(worker: Resources, database: Database) -> None:
    # Given a session whose client was killed: it has no end
    bring_hooks(worker, HOOKS[:-1])
    assert open_sessions(database) == [SESSION]

    # When nothing comes for long
    assert close_idle_sessions(worker) == 1

    # Then it is closed, as of the last thing that was heard
    assert state(database)[:2] == ("ended", "idle")
    bring_transcript(worker)
    assert state(database) == ("ended", "idle", START + timedelta(seconds=185))

    # And a late hook opens it, and it counts right
    bring_hooks(worker, [(500, hook("UserPromptSubmit", prompt="and now?", prompt_id="p9"))])
    assert state(database) == ("open", None, None)
    assert counts(worker) == (3, 10, 8)
    assert is_verified(worker)


@pytest.mark.parametrize("way", ["sent by a machine", "imported"])
def test_a_transcript_of_last_year_opens_nothing_and_one_that_goes_on_is_open(
    worker: Resources, database: Database, tmp_path: Path, way: str
) -> None:
    """given transcripts without an end, then only the session that goes on is open, before any sweep."""
    goes_on = prompt(0, "u30", "go on") | {"sessionId": "goes on", "timestamp": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()}
    of_last_year = jsonl(prompt(0, "u31", "hello"), answer(40, "a31", "msg_31", text("Done.")))
    late = jsonl(prompt(90, "u32", "thanks"))
    if way == "imported":
        import_files(worker, tmp_path, of_last_year, jsonl(goes_on))
    else:
        with worker.transaction() as connection:
            put_range(connection, SESSION, of_last_year)
            put_range(connection, "goes on", jsonl(goes_on))
            connection.execute("UPDATE transcript_ranges SET received_at = now()")
        read_all(worker)

    assert open_sessions(database) == ["goes on"]
    assert state(database) == ("ended", "idle", START + timedelta(seconds=40))

    # And what comes late of that time does not open it
    if way == "imported":
        import_files(worker, tmp_path, of_last_year + late)
    else:
        capture(worker, SESSION, late)
    assert state(database) == ("ended", "idle", START + timedelta(seconds=90))
    assert is_verified(worker)


def test_call_that_was_interrupted_while_it_ran_is_so_however_the_file_comes(worker: Resources, tmp_path: Path) -> None:
    # Given a file of which all but the last line was read: there the call looks refused
    *before, marker = refused("msg_1")
    capture(worker, SESSION, jsonl(*before))

    def calls() -> list[Any]:
        return select(worker, "SELECT status, error_class FROM tool_calls")

    assert calls() == [("rejected", "rejected")]

    capture(worker, SESSION, jsonl(marker))
    assert calls() == [("cancelled", "interrupted")]

    import_files(worker, tmp_path, jsonl(*before))
    assert calls() == [("cancelled", "interrupted")]
    assert is_verified(worker)


def test_an_end_that_comes_late_closes_the_session_as_of_its_time(worker: Resources, database: Database) -> None:
    # Given a session that was closed since nothing was heard of it
    bring_hooks(worker, HOOKS[:-1])
    close_idle_sessions(worker)
    assert state(database)[:2] == ("ended", "idle")

    # When its end arrives, an hour late
    bring_hooks(worker, HOOKS[-1:])

    assert state(database) == ("ended", "prompt_input_exit", START + timedelta(seconds=190))


def test_what_a_client_writes_while_it_ends_does_not_keep_the_session_open(worker: Resources, database: Database) -> None:
    # Given a record that was written a moment after the hook of the end, as `claude -p /compact` does
    bring_hooks(worker)
    capture(worker, SESSION, jsonl(prompt(190.1, "u20", "<local-command-stdout>Compacted</local-command-stdout>")))
    with worker.transaction() as connection:
        # A session of today would not have been closed when it was read
        connection.execute("UPDATE sessions SET idle_closed_at = NULL")

    # When the next sweep comes
    assert close_idle_sessions(worker) == 1

    # Then the session has ended, with the hook's reason, for the list as for the live feed
    assert state(database) == ("ended", "prompt_input_exit", START + timedelta(seconds=190))
    with worker.transaction() as connection:
        assert feed_sessions(connection, [SESSION])[SESSION].end_reason == "prompt_input_exit"


def test_clear_ends_one_session_and_begins_another(worker: Resources, database: Database) -> None:
    with worker.transaction() as connection:
        put_hooks(
            connection,
            [
                (0, hook("SessionStart", "before", source="startup")),
                (1, hook("UserPromptSubmit", "before", prompt="one", prompt_id="p1")),
                (9, hook("SessionEnd", "before", reason="clear")),
                (9.1, hook("SessionStart", "after", source="clear")),
                (20, hook("UserPromptSubmit", "after", prompt="two", prompt_id="p2")),
            ],
        )
    read_all(worker)

    assert state(database, "before")[:2] == ("ended", "clear")
    assert state(database, "after")[:2] == ("open", None)
    assert select(worker, "SELECT session_id, user_messages FROM sessions ORDER BY 1") == [("after", 1), ("before", 1)]


def test_the_project_is_the_first_folder_whatever_folders_follow(worker: Resources) -> None:
    bring_hooks(
        worker,
        [
            (0, hook("SessionStart", source="startup")),
            (5, hook("CwdChanged", old_cwd=FOLDER, new_cwd="/home/ann/side") | {"cwd": "/home/ann/side"}),
            (6, hook("UserPromptSubmit", prompt="in the worktree", prompt_id="p1") | {"cwd": "/home/ann/side"}),
            (9, hook("SessionEnd", reason="other") | {"cwd": "/home/ann/side"}),
        ],
    )

    with worker.transaction() as connection:
        named = "SELECT p.path FROM sessions AS s JOIN projects AS p ON p.id = s.project_id"
        assert connection.execute(named).fetchall() == [(FOLDER,)]
        # And the other folder is no project of its own
        assert connection.execute(
            "SELECT path FROM projects AS p WHERE is_named OR EXISTS (SELECT FROM sessions AS s WHERE s.project_id = p.id)"
        ).fetchall() == [(FOLDER,)]


def counts(worker: Resources) -> tuple[int, int, int]:
    """Messages of the person and of Claude, tool calls."""
    [found] = select(worker, "SELECT user_messages, assistant_messages, tool_calls FROM sessions")
    return found
