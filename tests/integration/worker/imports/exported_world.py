"""A tracker with everything that an export has: sent by clients, imported, live; with marks, machines and views."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import psycopg

from services.worker.importers.job import run_shard
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, SessionEnd, SessionStart, ToolCall, Usage
from tests.integration.worker.imports.exporting import packed
from tests.integration.worker.imports.import_jobs import add_job, listed
from tests.integration.worker.maintenance.projects_world import begin, decide, drop_all, fill, move_all
from tests.stored_transcripts import add_file
from tests.unit.worker.importers.transcript.rows_of_a_session import answer, jsonl, prompt, result, text, use

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAMESPACE = UUID(int=88)
MACHINE = "m-1"

PATHS = ("/w/shop", "/w/shop-fix", "/w/api")


def word(number: int, session_id: str, **more: Any) -> Conversation:
    return Conversation(
        session_id=session_id,
        content=f"word {number}",
        role="user" if number % 2 else "assistant",
        timestamp=NOW + timedelta(minutes=number),
        id=uuid5(NAMESPACE, f"word {session_id} {number}"),
        **more,
    )


def sent_by_clients(session_id: str = "wire") -> list[Any]:
    """One or more of each kind of event, also without a session."""
    usage = Usage(input_tokens=10, output_tokens=20, cache_creation_input_tokens=3, cache_read_input_tokens=4)
    return [
        SessionStart(project_path="/home/ann/shop", start_time=NOW, session_id=session_id, user="ann", git_branch="main", id=uuid4()),
        word(1, session_id),
        word(2, session_id, model="claude-opus-4-6", usage=usage),
        ToolCall(
            tool_name="Bash",
            result_status="error",
            timestamp=NOW + timedelta(minutes=3),
            session_id=session_id,
            parameters={"command": "x" * 9},
            result="Exit code 1",
            execution_time_ms=900,
            source="hook",
            id=uuid4(),
        ),
        ToolCall(tool_name="Read", result_status="success", timestamp=NOW, user="bob", execution_time_ms=7000, id=uuid4()),
        Activity(
            session_id=session_id,
            file_path="/home/ann/shop/a.py",
            action="created",
            timestamp=NOW + timedelta(minutes=5),
            lines_added=7,
            id=uuid4(),
        ),
        SessionEnd(session_id=session_id, end_time=NOW + timedelta(hours=1), id=uuid4()),
    ]


def send(worker: Resources, events: list[Any]) -> None:
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, [ReceivedEvent(event, NOW, "r", "1-0") for event in events], idle_gap=worker.idle_gap)
    assert outcome.dead == []


def bring(worker: Resources, folder: Path, files: dict[str, bytes], user: str = "ann") -> None:
    """An import of transcripts, as of ~/.claude."""
    path = packed(folder / f"{uuid4()}.zip", {f"projects/p/{name}": content for name, content in files.items()})
    run_shard.run(worker, add_job(worker, listed(path, "zip"), user_name=user), 0)


def session(number: int) -> bytes:
    rows = [
        prompt(0, f"u{number}", f"question {number}"),
        answer(9, f"a{number}", f"msg_{number}", text("sure"), use(f"toolu_{number}", command="ls")),
    ]
    return jsonl(*(row | {"sessionId": f"file-{number}"} for row in (*rows, result(12, f"r{number}", f"toolu_{number}", "a file"))))


LIVE = (
    b'{"type":"user","uuid":"u-live","sessionId":"live","timestamp":"2026-05-01T12:00:00.000Z","cwd":"/p","message":{"role":"user","content":"x"}}\n'
    * 3
)


def a_tracker_with_everything(worker: Resources, folder: Path) -> None:
    """Rows that clients sent, that files brought, a live file of a machine, and what people noted."""
    send(worker, sent_by_clients())
    bring(worker, folder, {f"file-{number}.jsonl": session(number) for number in range(3)}, user="carl")
    with psycopg.connect(worker.settings.database_url) as connection:
        add_file(
            connection,
            worker.archive,
            "live",
            LIVE,
            machine_id=MACHINE,
            generation=2,
            user_name="ann",
            archived=len(LIVE) // 3,
            range_bytes=1,
        )
        connection.execute(
            "INSERT INTO machines (machine_id, name, user_name, report, last_heard_at) VALUES (%s, 'laptop', 'ann', '{\"os\": \"Linux\"}', %s)",
            (MACHINE, NOW),
        )
        connection.execute("INSERT INTO session_machines (session_id, machine_id) VALUES ('wire', %s)", (MACHINE,))
        connection.execute("INSERT INTO session_marks VALUES ('wire', true, '{Élan}', '{élan}', 'a note', 'My title', %s)", (NOW,))
        # A session's readers are a person's word too: one that was private must not come back as the other tracker's default says.
        connection.execute("UPDATE session_marks SET visibility = 'private'")
        connection.execute("UPDATE projects SET visibility = 'shared' WHERE path = '/home/ann/shop'")
        connection.execute("INSERT INTO saved_views (name, address) VALUES ('shop', '/usage?project_id=1&range=7d')")
        connection.execute("INSERT INTO users (name, alias_of) SELECT 'anna', id FROM users WHERE name = 'ann'")


def a_tracker_that_has_dropped_some(worker: Resources) -> None:
    """Two projects that are one, of which sessions are dropped: of each path, before and after the merge."""
    fill(worker, PATHS)
    begin(worker, "/w/shop-fix", 0)
    drop_all(worker)
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    for path in PATHS:
        begin(worker, path, 1)
    drop_all(worker)
