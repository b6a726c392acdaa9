"""Rows older than they are kept are dropped, and stay so when they come again; after each transaction the aggregates agree with the rows and the base."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.worker.maintenance import merge_users
from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.rebuild import rebuild
from services.worker.maintenance.retention import run_retention
from services.worker.maintenance.scrub.scrub_names import NAMES, rename_statements
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.records import Message
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import write_tombstones
from services.worker.resources import Resources
from services.worker.sweep.scheduler import Looks
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from shared.jobs import RETENTION
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.files_of_sessions import EPOCH, GAP, add_job, file_of
from tests.integration.worker.maintenance.retaining import cells, counts, drop, fill, numbers, set_rule, texts
from tests.integration.worker.maintenance.sessions_of_users import request_merge, row_id, session, step_by_step, store
from tests.integration.worker.session_rows import OLD, add_row
from tests.integration.worker.statements import execute, select


def test_texts_go_and_all_numbers_stay(worker: Resources, small_steps: None) -> None:
    fill(worker)
    before, stored = cells(worker), numbers(worker)
    set_rule(worker, "texts", 30)

    dropped = drop(worker)

    assert dropped["texts"][0] == 10
    assert texts(worker) == {"How?", "So."}
    assert select(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''") == [("new",)]
    assert select(worker, "SELECT count(*) FROM tool_calls WHERE parameters IS NOT NULL") == [(0,)]
    assert select(worker, "SELECT count(*) FROM activities WHERE patch IS NOT NULL") == [(0,)]
    assert select(worker, "SELECT count(*) FROM timeline_entries WHERE content <> ''") == [(0,)]
    assert cells(worker) == before
    assert numbers(worker) == stored
    assert differences(worker) == {}


def test_what_came_of_a_call_stays_when_its_texts_go(worker: Resources, small_steps: None) -> None:
    """given a commit and a run of tests, when their texts are dropped and come again, then the facts are there, and nothing else of the texts."""
    fill(worker)
    parameters = {"command": "pytest -q && git commit -m 'Retry uploads'"}
    call = msgspec.structs.replace(
        next(event for event in session("facts", "ann", 3) if isinstance(event, ToolCall)),
        tool_name="Bash", result_status="success", parameters=parameters, result="12 passed in 2s\n[main 1a2b3c4] Retry uploads",
    )  # fmt: skip
    store(worker, [*(event for event in session("facts", "ann", 3) if not isinstance(event, ToolCall)), call])
    set_rule(worker, "texts", 30)

    drop(worker)
    store(worker, [call])

    [(kept, result, outcome)] = select(worker, "SELECT parameters, result, outcome FROM tool_calls WHERE id = %(id)s", {"id": call.id})
    assert (kept, result) == (None, None)
    assert outcome == {
        "commits": [{"subject": "Retry uploads", "hash": "1a2b3c4"}],
        "runs_of_tests": [{"command": "pytest -q", "result": "passed", "passed": 12, "failed": 0}],
    }
    assert differences(worker) == {}


def test_sessions_go_and_all_cells_stay(worker: Resources, small_steps: None) -> None:
    """given sessions of many kinds, when the old ones are dropped one by one, then nothing drifts at any commit, and no cell has changed."""
    fill(worker)
    before = cells(worker)
    set_rule(worker, "sessions", 30)
    run_id = uuid4()
    execute(worker, "INSERT INTO jobs (kind, id, is_dry_run) VALUES ('retention', %(id)s, false)", {"id": run_id})

    steps, is_more = 0, True
    while is_more:
        is_more = run_job(worker, RETENTION, run_id, run_seconds=0)
        assert differences(worker) == {}, f"after step {steps}"
        steps += 1

    assert steps > 20
    assert counts(worker, run_id)["sessions"][0] == 10
    assert select(worker, "SELECT session_id FROM sessions") == [("new",)]
    assert {found for (found,) in select(worker, "SELECT DISTINCT session_id FROM messages")} == {"new"}
    assert select(worker, "SELECT count(*) FROM session_events WHERE session_id <> 'new'") == [(0,)]
    assert select(worker, "SELECT count(*) FROM dropping_sessions") == [(0,)]
    assert cells(worker) == before
    with worker.connection() as connection:
        wrong = rebuild(connection, GAP)
    assert set(wrong.values()) == {0}
    assert cells(worker) == before


def test_what_comes_after_is_counted_upon_the_base(worker: Resources) -> None:
    """The same tables as if nothing had been dropped: a session of the same people on the same days, and one that is withdrawn again."""
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)

    store(worker, session("late", "ann", 3))
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, file_of("f0", list(range(13, 30))), number)

    assert differences(worker) == {}
    assert select(worker, "SELECT sessions FROM activity_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)") == [(13,)]


def test_a_merge_of_users_moves_what_dropped_sessions_count_for(worker: Resources, small_steps: None) -> None:
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    user_id = request_merge(worker, "bob", "ann")

    step_by_step(worker, merge_users.merge_some, user_id)

    for table in ("activity_rollups", "active_days", "tool_rollups", "base_activity_rollups", "base_sessions"):
        assert select(worker, f"SELECT count(*) FROM {table} WHERE user_id = %(id)s", {"id": user_id}) == [(0,)], table


@pytest.mark.parametrize("what", ["texts", "sessions"])
def test_a_dry_run_says_what_then_goes(worker: Resources, what: str) -> None:
    fill(worker)
    set_rule(worker, what, 30)
    before = (cells(worker), numbers(worker), texts(worker))

    said = drop(worker, is_dry_run=True)

    assert (cells(worker), numbers(worker), texts(worker)) == before
    assert said[what][0] == 10
    assert drop(worker) == said
    assert drop(worker) == {}


def test_of_several_rules_that_of_the_user_counts_then_that_of_the_project(worker: Resources) -> None:
    """given texts for 30 days, but for good in a project, and for 30 days for a user of it, then only other people's texts of the project stay."""
    fill(worker)
    store(worker, session("bob-in-one", "bob", 4, "/p/one"))
    set_rule(worker, "texts", 30)
    set_rule(worker, "texts", None, project="/p/one")
    set_rule(worker, "texts", 30, user="bob")

    drop(worker)

    kept = {found for (found,) in select(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''")}
    assert {"new", "a0", "a1", "a2", "a3"} == {name for name in kept if not name.startswith("f")}


def test_a_setting_counts_where_there_is_no_rule(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "texts", None, user="ann")
    worker.settings.texts_days = 30

    drop(worker)

    kept = {found for (found,) in select(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''")}
    assert {"b0", "b1", "b2", "b3"}.isdisjoint(kept)
    assert kept >= {"new", "a0", "a1", "a2", "a3"}


def test_a_session_goes_only_with_all_that_it_shares_rows_with(worker: Resources) -> None:
    """given an old session and a fork of it of today, then both stay: the fork's copies would else be counted again."""
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, file_of("f1", list(range(13))), number)
    store(worker, file_of("f2", list(range(6, 13))), number)
    store(worker, [SessionStart(project_path="/p/one", start_time=datetime.now(UTC), session_id="f2", id=uuid4())])
    set_rule(worker, "sessions", 30)

    assert "sessions" not in drop(worker, is_dry_run=True)
    assert "sessions" not in drop(worker)
    assert {found for (found,) in select(worker, "SELECT session_id FROM sessions")} >= {"f1", "f2"}


def test_names_are_renamed_in_the_base_too(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    with worker.transaction() as connection:
        for statement in rename_statements(NAMES[0]):
            connection.execute(statement.encode(), {"old": "Bash", "new": "Shell"})

    assert differences(worker) == {}
    assert select(worker, "SELECT count(*) FROM base_tool_rollups WHERE tool_name = 'Bash'") == [(0,)]


def test_beat_begins_a_run_each_day_if_anything_is_not_kept_for_good(worker: Resources, looks: Looks) -> None:
    assert looks.due_retention() == []
    set_rule(worker, "audit", 365)
    assert looks.due_retention() == [()]

    run_id = run_retention.begin_scheduled(worker)

    assert run_id is not None
    assert looks.due_retention() == []
    assert run_retention.begin_scheduled(worker) is None
    execute(worker, "UPDATE jobs SET created_at = now() - interval '10 seconds'")
    assert looks.abandoned_jobs() == {RETENTION.task: [(str(run_id),)]}
    while run_job(worker, RETENTION, run_id):
        pass
    assert looks.abandoned_jobs() == {}


def test_rows_of_the_trackers_own_go_after_times_of_their_own(worker: Resources) -> None:
    """A job that is under way stays, and an import that something stored needs."""
    ended: dict[str, Any] = {"status": "succeeded", "finished_at": OLD}
    with worker.transaction() as connection:
        kept, emptied = add_job(connection), add_job(connection)
        connection.execute("UPDATE import_jobs SET status = 'succeeded', has_files = false, finished_at = %s", [OLD])
        running = add_job(connection)
        connection.execute("UPDATE import_jobs SET created_at = %s, status = 'running' WHERE number = %s", [OLD, running])
        for at in (OLD, datetime.now(UTC)):
            add_row(connection, "audit_log", at=at, act="key.create")
        # An export whose archive is there, and one whose archive is deleted; a run; an erasure, and one by which something is kept out
        for blob in ("file:///x", None):
            export = uuid4()
            add_row(connection, "import_jobs", id=export, kind="export", has_files=False, **ended)
            add_row(connection, "exports", id=export, blob_url=blob)
        erasures = [uuid4(), uuid4()]
        for job in ({"kind": "scrub"}, {"kind": "retention"}, *({"kind": "erasure", "id": each} for each in erasures)):
            add_row(connection, "jobs", **job, **ended)
        add_row(connection, "jobs", kind="scrub", status="queued")
        write_tombstones(connection, "session", ["gone"], reason="erased", job_id=erasures[0])
        add_row(connection, "hook_payloads", "s")
        add_row(connection, "signals", "of nothing else", is_new=False)
        # Three windows of the quota, of which the newest stays though it is over; and readings of a session of which nothing else came
        for days in (80, 60, 40):
            at = datetime.now(UTC) - timedelta(days=days)
            window = {"kind": "five_hour", "source": "status_line", "resets_at": at, "first_read_at": at, "last_read_at": at}
            add_row(connection, "quota_readings", **window)
        for session_id, at in (("of nothing else", OLD), ("f1", OLD)):
            add_row(connection, "status_lines", session_id, at)
        for session_id, at in (("of nothing else", OLD), ("new", datetime.now(UTC))):
            add_row(connection, "session_processes", session_id, at)
    store(worker, file_of("f1", [0, 1]), kept)
    for what in ("jobs", "scrubs", "audit", "live_payloads"):
        set_rule(worker, what, 30)

    said = drop(worker, is_dry_run=True)
    dropped = drop(worker)

    assert dropped == said
    assert {what: number for what, (_, number, _) in dropped.items()} == {"jobs": 3, "scrubs": 2, "audit": 1, "live_payloads": 6}
    assert {number for (number,) in select(worker, "SELECT number FROM import_jobs WHERE kind <> 'export'")} == {kept, running}
    assert select(worker, "SELECT blob_url FROM exports JOIN import_jobs USING (id)") == [("file:///x",)]
    assert select(
        worker,
        "SELECT count(*) FROM jobs WHERE kind = 'retention' AND created_at <> finished_at AND finished_at < now() - interval '1 day'",
    ) == [(0,)]
    assert select(worker, "SELECT id FROM jobs WHERE kind = 'erasure'") == [(erasures[0],)]
    assert emptied not in {kept, running}
    assert select(worker, "SELECT count(*), max(resets_at) < now() - interval '39 days' FROM quota_readings") == [(1, True)]
    assert select(worker, "SELECT session_id FROM status_lines UNION SELECT session_id FROM session_processes ORDER BY 1") == [
        ("f1",),
        ("new",),
    ]
    acts = select(worker, "SELECT act FROM audit_log ORDER BY id")
    assert acts == [("key.create",), ("retention.drop",)]


def test_dropped_texts_do_not_come_back(worker: Resources) -> None:
    """given sessions without texts, when their events and files come again, then they bring no text; what is new of them has its own."""
    fill(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    before = (cells(worker), numbers(worker))

    with worker.transaction() as connection:
        outcome = persist_isolating(connection, received(session("a0", "ann", 0)), idle_gap=GAP)
        number = add_job(connection)
    store(worker, file_of("f1", list(range(13))), number)

    assert outcome.dead == []
    assert cells(worker) == before[0]
    assert texts(worker) == {"How?", "So."}
    now = datetime.now(UTC)
    store(worker, [Conversation(session_id="a0", content="What was it?", role="user", timestamp=now, id=uuid4())])
    assert select(worker, "SELECT title FROM sessions WHERE session_id = 'a0'") == [("What was it?",)]
    assert differences(worker) == {}


def test_prompts_without_a_session_lose_their_texts_too(worker: Resources) -> None:
    """given a prompt that only a history has, when its text was dropped and the history is imported again, then it stays without."""
    prompt = Message(
        id=row_id("prompt"), role="user", content="old", source="history.jsonl", session_id=None, timestamp=EPOCH, project_path="/p/one"
    )
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, [prompt], number)
    set_rule(worker, "texts", 30)

    assert drop(worker, is_dry_run=True) == drop(worker)
    store(worker, [prompt], number)

    assert select(worker, "SELECT content FROM messages") == [("",)]
    assert differences(worker) == {}


def test_a_session_that_went_on_loses_its_newer_texts_in_their_time(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    at = datetime.now(UTC) - timedelta(days=10)
    store(worker, [Conversation(session_id="a0", content="Later", role="user", timestamp=at, id=uuid4())])

    assert "texts" not in drop(worker)
    assert "Later" in texts(worker)
    execute(worker, "UPDATE retention_rules SET days = 5")
    assert drop(worker)["texts"][:2] == (1, 1)

    assert "Later" not in texts(worker)


def received(events: list[Event]) -> list[ReceivedEvent]:
    return [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events]


def test_a_dropped_session_stays_dropped(worker: Resources) -> None:
    """given dropped sessions, when their events and files come again, then they are left out, and no cell changes."""
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    before = cells(worker)

    again = [*session("a0", "ann", 0), Conversation(session_id="a1", content="On", role="user", timestamp=datetime.now(UTC), id=uuid4())]
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, received(again), idle_gap=GAP)
        job_number = add_job(connection)
    with worker.transaction() as connection:
        of_file = persist_isolating(connection, received(file_of("f1", list(range(13)))), idle_gap=GAP, job_number=job_number)

    assert len(outcome.left_out) == len(again)
    assert of_file.left_out
    assert cells(worker) == before
    assert select(worker, "SELECT session_id FROM sessions") == [("new",)]
    assert differences(worker) == {}
