"""What is older than it is kept is dropped; after each transaction the aggregates agree with the rows and the base."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.worker.aggregates.registry import AGGREGATES
from services.worker.maintenance import merge_users
from services.worker.maintenance.rebuild import rebuild
from services.worker.maintenance.retention import drop_sessions, drop_texts, retention_stage, run_retention
from services.worker.maintenance.scrub.scrub_names import NAMES, rename_statements
from services.worker.maintenance.verify import verify
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.records import Message
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.persist.tombstones import write_tombstones
from services.worker.resources import Resources
from services.worker.search_index.index_pending import index_pending
from services.worker.sweep.scheduler import Looks
from shared.broker import TASK_RETENTION
from shared.events.messages import Conversation, Event, SessionStart, ToolCall
from tests.integration.worker.imports.test_imports_in_any_order import EPOCH, GAP, add_job, file_of
from tests.integration.worker.maintenance.test_merge_users import request_merge, row_id, session, sessionless, store

YESTERDAY = int((datetime.now(UTC) - timedelta(days=1) - EPOCH) / timedelta(minutes=1))
CELLS = (*AGGREGATES, "active_days", "file_sets")
ROWS = ("sessions", "messages", "tool_calls", "activities", "api_calls", "session_events")


def rows(worker: Resources, statement: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with worker.transaction() as connection:
        return connection.execute(statement.encode(), parameters).fetchall()


def set_rule(worker: Resources, what: str, days: int | None, project: str | None = None, user: str | None = None) -> None:
    rows(
        worker,
        """INSERT INTO retention_rules (what, days, project_id, user_id)
           VALUES (%(what)s, %(days)s, (SELECT id FROM projects WHERE path = %(project)s), (SELECT id FROM users WHERE name = %(user)s)) RETURNING 1""",
        what=what, days=days, project=project, user=user,
    )  # fmt: skip


def drop(worker: Resources, *, is_dry_run: bool = False, run_seconds: float = 60) -> dict[str, tuple[int, int, int]]:
    """A run from begin to end. {kind: (sessions, rows, bytes)}."""
    run_id = uuid4()
    rows(worker, "INSERT INTO retention_runs (id, is_dry_run) VALUES (%(id)s, %(dry)s) RETURNING 1", id=run_id, dry=is_dry_run)
    while run_retention.run(worker, run_id, run_seconds):
        pass
    return counts(worker, run_id)


def counts(worker: Resources, run_id: UUID) -> dict[str, tuple[int, int, int]]:
    found = rows(
        worker,
        """SELECT what, sum(sessions)::bigint, sum(rows)::bigint, sum(bytes)::bigint FROM retention_counts
           WHERE run_id = %(id)s GROUP BY what""",
        id=run_id,
    )
    return {what: (sessions, number, size) for what, sessions, number, size in found}


def differences(worker: Resources) -> dict[str, int]:
    while index_pending(worker):
        pass
    with worker.connection() as connection:
        return {name: number for name, number in verify(connection, GAP).items() if number}


def cells(worker: Resources) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(rows(worker, f"SELECT to_jsonb(t)::text FROM {table} AS t")) for table in CELLS}


def numbers(worker: Resources) -> dict[str, list[tuple[Any, ...]]]:
    """All of the rows but their texts."""
    without = "'{content,terms,parameters,result,patch,patch_left_out,title,title_source,details}'::text[]"
    return {table: sorted(rows(worker, f"SELECT (to_jsonb(t) - {without})::text FROM {table} AS t")) for table in ROWS}


def texts(worker: Resources) -> set[str]:
    found = rows(
        worker, "SELECT content FROM messages UNION ALL SELECT parameters::text FROM tool_calls UNION ALL SELECT title FROM sessions"
    )
    return {text for (text,) in found if text}


def fill(worker: Resources) -> None:
    """Old sessions of two users in two projects, one of yesterday, calls without a session, and files that share rows."""
    store(worker, [event for n in range(4) for event in session(f"a{n}", "ann", 7 * n)])
    store(worker, [event for n in range(4) for event in session(f"b{n}", "bob", 9 * n, f"/p/{n % 2}")])
    store(worker, session("new", "ann", YESTERDAY))
    store(worker, [sessionless(user, n) for n, user in enumerate(("ann", "bob"))])
    called = ToolCall(
        session_id="a0", tool_name="Bash", result_status="success", execution_time_ms=5, parameters={"command": "make secret"},
        timestamp=EPOCH + timedelta(minutes=5), id=row_id("a0", "with parameters"),
    )  # fmt: skip
    store(worker, [called])
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, file_of("f1", list(range(13))), number)
    store(worker, file_of("f2", list(range(6, 19))), number)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (drop_texts, drop_sessions):
        monkeypatch.setattr(module, "SESSIONS_AT_ONCE", 2)
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(retention_stage, "SESSIONS_AT_ONCE", 2)


def test_texts_go_and_all_numbers_stay(worker: Resources, small_steps: None) -> None:
    fill(worker)
    before, stored = cells(worker), numbers(worker)
    set_rule(worker, "texts", 30)

    dropped = drop(worker)

    assert dropped["texts"][0] == 10
    assert texts(worker) == {"How?", "So."}
    assert rows(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''") == [("new",)]
    assert rows(worker, "SELECT count(*) FROM tool_calls WHERE parameters IS NOT NULL") == [(0,)]
    assert rows(worker, "SELECT count(*) FROM activities WHERE patch IS NOT NULL") == [(0,)]
    assert rows(worker, "SELECT count(*) FROM timeline_entries WHERE content <> ''") == [(0,)]
    assert cells(worker) == before
    assert numbers(worker) == stored
    assert differences(worker) == {}


def test_sessions_go_and_all_cells_stay(worker: Resources, small_steps: None) -> None:
    """given sessions of many kinds, when the old ones are dropped a few rows at a time, then nothing drifts at any commit, and no cell has changed."""
    fill(worker)
    before = cells(worker)
    set_rule(worker, "sessions", 30)
    run_id = uuid4()
    rows(worker, "INSERT INTO retention_runs (id, is_dry_run) VALUES (%(id)s, false) RETURNING 1", id=run_id)

    steps, is_more = 0, True
    while is_more:
        is_more = run_retention.run(worker, run_id, run_seconds=0)
        assert differences(worker) == {}, f"after step {steps}"
        steps += 1

    assert steps > 20
    assert counts(worker, run_id)["sessions"][0] == 10
    assert rows(worker, "SELECT session_id FROM sessions") == [("new",)]
    assert {found for (found,) in rows(worker, "SELECT DISTINCT session_id FROM messages")} == {"new"}
    assert rows(worker, "SELECT count(*) FROM session_events WHERE session_id <> 'new'") == [(0,)]
    assert rows(worker, "SELECT count(*) FROM dropping_sessions") == [(0,)]
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
    assert rows(worker, "SELECT sessions FROM activity_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)") == [(13,)]


def test_a_merge_of_users_moves_what_dropped_sessions_count_for(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge_users, "ROWS_AT_ONCE", 2)
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    user_id = request_merge(worker, "bob", "ann")

    is_more = True
    while is_more:
        with worker.transaction() as connection:
            is_more = merge_users.merge_some(worker, connection, user_id)
        assert differences(worker) == {}

    for table in ("activity_rollups", "active_days", "tool_rollups", "base_activity_rollups", "base_sessions"):
        assert rows(worker, f"SELECT count(*) FROM {table} WHERE user_id = %(id)s", id=user_id) == [(0,)], table


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

    kept = {found for (found,) in rows(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''")}
    assert {"new", "a0", "a1", "a2", "a3"} == {name for name in kept if not name.startswith("f")}


def test_a_setting_counts_where_there_is_no_rule(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "texts", None, user="ann")
    worker.settings.texts_days = 30

    drop(worker)

    kept = {found for (found,) in rows(worker, "SELECT DISTINCT session_id FROM messages WHERE content <> ''")}
    assert {"b0", "b1", "b2", "b3"}.isdisjoint(kept)
    assert kept >= {"new", "a0", "a1", "a2", "a3"}


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
    assert rows(worker, "SELECT title FROM sessions WHERE session_id = 'a0'") == [("What was it?",)]
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

    assert rows(worker, "SELECT content FROM messages") == [("",)]
    assert differences(worker) == {}


def test_a_session_that_went_on_loses_its_newer_texts_in_their_time(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "texts", 30)
    drop(worker)
    at = datetime.now(UTC) - timedelta(days=10)
    store(worker, [Conversation(session_id="a0", content="Later", role="user", timestamp=at, id=uuid4())])

    assert "texts" not in drop(worker)
    assert "Later" in texts(worker)
    rows(worker, "UPDATE retention_rules SET days = 5 RETURNING 1")
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
    assert rows(worker, "SELECT session_id FROM sessions") == [("new",)]
    assert differences(worker) == {}


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
    assert {found for (found,) in rows(worker, "SELECT session_id FROM sessions")} >= {"f1", "f2"}


def test_names_are_renamed_in_the_base_too(worker: Resources) -> None:
    fill(worker)
    set_rule(worker, "sessions", 30)
    drop(worker)
    with worker.transaction() as connection:
        for statement in rename_statements(NAMES[0]):
            connection.execute(statement.encode(), {"old": "Bash", "new": "Shell"})

    assert differences(worker) == {}
    assert rows(worker, "SELECT count(*) FROM base_tool_rollups WHERE tool_name = 'Bash'") == [(0,)]


def test_beat_begins_a_run_each_day_if_anything_is_not_kept_for_good(worker: Resources, looks: Looks) -> None:
    assert looks.due_retention() == []
    set_rule(worker, "audit", 365)
    assert looks.due_retention() == [()]

    run_id = run_retention.begin_scheduled(worker)

    assert run_id is not None
    assert looks.due_retention() == []
    assert run_retention.begin_scheduled(worker) is None
    assert TASK_RETENTION == "maintenance.retention"
    rows(worker, "UPDATE retention_runs SET created_at = now() - interval '10 seconds' RETURNING 1")
    assert looks.abandoned_retention() == [(str(run_id),)]
    while run_retention.run(worker, run_id):
        pass
    assert looks.abandoned_retention() == []


OLD = "now() - interval '40 days'"


def test_rows_of_the_trackers_own_go_after_times_of_their_own(worker: Resources) -> None:
    """What is under way stays, and an import that something stored needs."""
    with worker.transaction() as connection:
        kept, emptied = add_job(connection), add_job(connection)
        connection.execute(f"UPDATE import_jobs SET status = 'succeeded', has_files = false, finished_at = {OLD}".encode())
        running = add_job(connection)
        connection.execute(f"UPDATE import_jobs SET created_at = {OLD}, status = 'running' WHERE number = %s".encode(), (running,))
        connection.execute(
            f"INSERT INTO audit_log (at, who, act, subject) VALUES ({OLD}, 'open', 'key.create', 'x'), (now(), 'open', 'key.create', 'y')".encode()
        )
        connection.execute(
            f"INSERT INTO scrubs (id, status, finished_at) VALUES (gen_random_uuid(), 'succeeded', {OLD}), (gen_random_uuid(), 'queued', NULL)".encode()
        )
        # An export whose archive is there, and one whose archive is deleted; a run; an erasure, and one by which something is kept out
        for blob in ("file:///x", None):
            [(export,)] = connection.execute(
                f"INSERT INTO import_jobs (id, kind, status, files, has_files, finished_at) VALUES (gen_random_uuid(), 'export', 'succeeded', '[]', false, {OLD})"
                " RETURNING id".encode()
            ).fetchall()
            connection.execute("INSERT INTO exports (id, blob_url) VALUES (%s, %s)", (export, blob))
        connection.execute(
            f"INSERT INTO retention_runs (id, is_dry_run, status, finished_at) VALUES (gen_random_uuid(), false, 'succeeded', {OLD})".encode()
        )
        erasures = connection.execute(
            f"INSERT INTO erasures (id, kind, status, finished_at) SELECT gen_random_uuid(), 'session', 'succeeded', {OLD} FROM generate_series(1, 2)"
            " RETURNING id".encode()
        ).fetchall()
        write_tombstones(connection, "session", ["gone"], reason="erased", job_id=erasures[0][0])
        connection.execute(
            f"INSERT INTO hook_payloads (id, session_id, occurred_at, received_at, payload) VALUES (gen_random_uuid(), 's', {OLD}, {OLD}, '{{}}')".encode()
        )
    store(worker, file_of("f1", [0, 1]), kept)
    for what in ("jobs", "scrubs", "audit", "live_payloads"):
        set_rule(worker, what, 30)

    said = drop(worker, is_dry_run=True)
    dropped = drop(worker)

    assert dropped == said
    assert {what: number for what, (_, number, _) in dropped.items()} == {"jobs": 3, "scrubs": 2, "audit": 1, "live_payloads": 1}
    assert {number for (number,) in rows(worker, "SELECT number FROM import_jobs WHERE kind <> 'export'")} == {kept, running}
    assert rows(worker, "SELECT blob_url FROM exports JOIN import_jobs USING (id)") == [("file:///x",)]
    assert rows(
        worker, "SELECT count(*) FROM retention_runs WHERE created_at <> finished_at AND finished_at < now() - interval '1 day'"
    ) == [(0,)]
    assert rows(worker, "SELECT id FROM erasures") == [erasures[0]]
    assert emptied not in {kept, running}
    acts = rows(worker, "SELECT act FROM audit_log ORDER BY id")
    assert acts == [("key.create",), ("retention.drop",)]
