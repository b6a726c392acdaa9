"""Files of sessions that share acts, as an importer reads them, and jobs that bring them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from msgspec.structs import replace
from psycopg import Connection

from services.worker.maintenance.verify import checks, differing
from services.worker.persist.persist_batch import persist
from services.worker.persist.records import (
    ApiCall,
    FileChange,
    Message,
    Record,
    SessionFacts,
    TimelineEntry,
    ToolUse,
)
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from shared.events.messages import Event
from tests.integration.worker.all_tables import fold

GAP = timedelta(minutes=5)
EPOCH = datetime(2026, 3, 1, 23, 40, tzinfo=UTC)
NAMESPACE = UUID(int=9)
# When a session's file was begun, if it is a fork's: the last session's first, so that the least id is no better claim.
BEGUN = {"s1": EPOCH + timedelta(days=3), "s2": EPOCH + timedelta(days=2), "s3": EPOCH + timedelta(days=1)}


def act(n: int, session_id: str) -> Record:
    """The n-th thing that happened, as the file of a session has it: the same id and content in each."""
    at, row_id = EPOCH + timedelta(minutes=3 * n, seconds=n), uuid5(NAMESPACE, f"act {n}")
    if n % 12 == 11:
        return TimelineEntry(
            id=row_id,
            session_id=session_id,
            kind="command",
            content=f"/do {n}",
            details={"type": "prompt"},
            timestamp=at,
            source="transcript",
        )
    if n % 6 == 5:
        content, details = f"thought {n}", {"left_out_characters": n} if n > 6 else None
        return TimelineEntry(
            id=row_id, session_id=session_id, kind="thinking", content=content, details=details, timestamp=at, source="transcript"
        )
    match n % 4:
        case 0:
            role: Any = "user" if n % 8 else "assistant"
            return Message(id=row_id, role=role, content=f"text {n}", source="transcript", session_id=session_id, timestamp=at)
        case 1:
            status: Any = ("success", "error", "pending")[n % 3]
            return ToolUse(
                id=row_id, session_id=session_id, tool_name="Bash" if n % 2 else "Read", status=status, timestamp=at, source="transcript",
                duration_ms=None if status == "pending" else 100 * n, duration_source="timestamps",
            )  # fmt: skip
        case 2:
            path = f"/f/{n % 3}.py"
            return FileChange(
                id=row_id,
                session_id=session_id,
                file_path=path,
                action="modified",
                lines_added=n,
                lines_removed=1,
                timestamp=at,
                source="transcript",
                tool_call_id=uuid5(NAMESPACE, f"call {n}"),
                patch="@@ -1,1 +1,1 @@\n-a\n+b",
                patch_left_out=n % 3,
            )
        case _:
            return ApiCall(
                id=row_id,
                session_id=session_id,
                timestamp=at,
                source="transcript",
                model="claude-opus-4-6" if n % 2 else "unheard-of",
                output_tokens=n,
                # The first saves less than nothing.
                cache_write_1h_tokens=50,
                cache_read_tokens=10 * n,
            )


def file_of(session_id: str, acts: list[int], copied: frozenset[int] = frozenset()) -> list[Record]:
    """The records that an importer reads out of a session's file. `copied`: the acts that the file copied of another session's."""
    times = [EPOCH + timedelta(minutes=3 * n, seconds=n) for n in acts]
    facts = SessionFacts(
        id=uuid5(NAMESPACE, f"facts {session_id} {acts}"), session_id=session_id, source="transcript", project_path=f"/p/{session_id}", user="ann",
        started_at=min(times), ended_at=max(times), active_ranges=[(at, at + GAP) for at in times], title=f"title of {session_id}", title_rank=1,
    )  # fmt: skip
    return [facts, *(replace(act(n, session_id), copied_at=BEGUN[session_id] if n in copied else None) for n in acts)]


def bring(connection: Connection[Any], events: Sequence[Event | Record], job_number: int = 0) -> None:
    with connection.transaction():
        persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in events], idle_gap=GAP, job_number=job_number)
        clear(connection)


def add_job(connection: Connection[Any]) -> int:
    found = connection.execute("INSERT INTO import_jobs (id, files) VALUES (%s, '[]') RETURNING number", (uuid4(),)).fetchone()
    assert found is not None
    return int(found[0])


def drift(connection: Connection[Any]) -> dict[str, int]:
    """Cells that are wrong, by table, in a transaction."""
    fold(connection)
    return {name: cells for name, check in checks(connection).items() if (cells := differing(connection, check, GAP))}
