"""The real client, connected: what it does is in the tracker within two seconds, and is what an import of its transcripts gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from client.connect.settings.hook_events import HOOK_SETS, HookSet
from services.worker.resources import Resources
from tests.faults.pace import stretched
from tests.flow.conftest import Stack, running_stack
from tests.flow.connect.shippers import wait_for
from tests.integration.worker.all_tables import all_tables, tables
from tests.integration.worker.capture.captured import import_files
from tests.integration.worker.capture.hook_session import without_better_knowledge
from tests.real_client.claude_code import ClaudeHome, Tracker
from tests.real_client.scripted_session import FAILURES, TOOL_CALLS, scripted_session
from tests.skips import needs

pytestmark = [needs("Claude Code"), needs("tmux")]
SECONDS = 2.0
# Numbers of the stacks' databases.
NUMBERS = {"few": 6, "all": 24}


@pytest.fixture
def stack(postgres_url: str, redis_server_url: str, tmp_path: Path, hooks: HookSet) -> Iterator[Stack]:
    """One that nothing else writes to."""
    folder = tmp_path / "stack"
    folder.mkdir()
    with running_stack(folder, postgres_url, redis_server_url, NUMBERS[hooks], TRACKER_BLOB_URL=(folder / "blobs").as_uri()) as running:
        yield running


@pytest.mark.parametrize("hooks", HOOK_SETS)
def test_a_connected_session_is_in_the_tracker_as_its_import_would_be(
    claude_home: ClaudeHome,
    tracker: Tracker,
    stack: Stack,
    worker: Resources,
    tmp_path: Path,
    hooks: HookSet,
) -> None:
    # Given a machine that is connected
    assert tracker("connect", "--yes", "--hooks", hooks).returncode == 0

    # When Claude Code works: 50 tool calls, edits, failures, a subagent, a resume, /clear
    scripted = scripted_session(claude_home)
    wait_for(lambda: len([row for row in of(stack, "SELECT end_reason FROM sessions WHERE ended_at >= last_event_at") if row[0]]) == 3)
    wait_for(lambda: of(stack, "SELECT count(*) FROM transcript_files WHERE parsed_offset < stored_offset") == [(0,)])
    [(user,)] = of(stack, "SELECT DISTINCT u.name FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id")

    # Then its rows are those of an import of its transcripts
    import_files(worker, tmp_path, *(path.read_bytes() for path in claude_home.transcripts()), user=user)
    expected = without_better_knowledge(all_tables(worker))
    wait_for(lambda: captured(stack)["messages"] == expected["messages"])
    found = captured(stack)
    assert {table: rows for table, rows in found.items() if rows != expected[table]} == {}
    calls = "SELECT tool_calls, tool_errors FROM sessions WHERE session_id = %s"
    assert of(stack, calls, scripted.session_id) == [(TOOL_CALLS, FAILURES)]

    # And nothing was said of it later than two seconds after it was done
    delays = sorted(
        row[0]
        for row in of(
            stack,
            "SELECT extract(epoch FROM persisted_at - occurred_at)::float8 FROM tool_calls"
            " UNION ALL SELECT extract(epoch FROM persisted_at - occurred_at)::float8 FROM messages",
        )
    )
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99)]
    print(f"{len(delays)} tool calls and messages: from the act to its row {p50:.2f} s (p50), {p99:.2f} s (p99)")
    assert p99 <= stretched(SECONDS)


def captured(stack: Stack) -> dict[str, Any]:
    with psycopg.connect(stack.database_url, options="-c timezone=UTC") as connection:
        return without_better_knowledge(tables(connection))


def of(stack: Stack, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(stack.database_url) as connection:
        return connection.execute(sql.encode(), parameters or None).fetchall()
