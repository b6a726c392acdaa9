"""The yardstick of `draining`: plain COPY of the same rows into the same tables, by one client, batch by batch.

Per batch of 2,000 rows: BEGIN; COPY straight into the table with all its indexes and the triggers that keep all sums, from text made beforehand; COMMIT,
which waits for the disk.
It is spared: journal, JSON, a check for duplicates, looking up project and user, pricing and storing tokens, and
keeping sessions and active time.
"""

import time
from collections.abc import Sequence
from uuid import UUID

import msgspec
import psycopg

from shared.events.messages import Conversation, SessionStart, ToolCall
from tests.bench.event_source import Event, Events
from tests.bench.stack import Stack

BATCH_ROWS = 2_000
COLUMNS = {
    ToolCall: (
        "tool_calls",
        "id, session_id, project_id, user_id, tool_name, status, duration_ms, occurred_at, parameters, source, received_at",
    ),
    Conversation: (
        "messages",
        "id, session_id, project_id, user_id, role, content, occurred_at, model, source, received_at",
    ),
}


def rows_a_second(stack: Stack, events: Events, *, with_sums: bool = True) -> float:
    """The rate for all events into empty tables."""
    stack.empty()
    kind = type(events.events[0])
    table, columns = COLUMNS[kind]
    batches = [events.events[at : at + BATCH_ROWS] for at in range(0, len(events.events), BATCH_ROWS)]
    keys = _keys(events.starts)
    prepared = [_copy_text(batch, keys) for batch in batches]
    copy_sql = f"COPY {table} ({columns}) FROM STDIN".encode()
    with psycopg.connect(stack.database_url) as connection:
        # As the worker's connection has it: planned once.
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.commit()
        started = time.perf_counter()
        for text in prepared:
            if not with_sums:
                connection.execute("SET LOCAL tracker.sums_stay = 'on'")
            with connection.cursor() as cursor, cursor.copy(copy_sql) as copy:
                copy.write(text)
            connection.commit()
        return len(events.events) / (time.perf_counter() - started)


def _keys(starts: Sequence[SessionStart]) -> dict[str | None, tuple[int, int]]:
    """Project and user of each session, numbered as they come."""
    projects = {path: number for number, path in enumerate(dict.fromkeys(start.project_path for start in starts), start=1)}
    users = {name: number for number, name in enumerate(dict.fromkeys(start.user for start in starts), start=1)}
    return {start.session_id: (projects[start.project_path], users[start.user]) for start in starts}


def _copy_text(batch: Sequence[Event], keys: dict[str | None, tuple[int, int]]) -> str:
    return "".join("\t".join(_fields(event, *keys[event.session_id])) + "\n" for event in batch)


def _fields(event: Event, project_id: int, user_id: int) -> list[str]:
    assert isinstance(event.id, UUID)
    head = [str(event.id), str(event.session_id), str(project_id), str(user_id)]
    at = str(event.timestamp)
    if isinstance(event, ToolCall):
        duration = r"\N" if event.execution_time_ms is None else str(event.execution_time_ms)
        parameters = _escaped(msgspec.json.encode(event.parameters).decode())
        return [*head, event.tool_name, event.result_status, duration, at, parameters, str(event.source), at]
    said = [event.role, _escaped(event.content), at, str(event.model)]
    return [*head, *said, str(event.source), at]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
