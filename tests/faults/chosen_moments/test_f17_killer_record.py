"""F17: a record that kills its worker is set aside after three crashes, and everything else is processed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from services.worker.maintenance.verify import verify
from tests.faults.checks import IDLE_GAP
from tests.faults.pace import wait_until
from tests.faults.product.instants import await_settled, message, send, start_session
from tests.faults.product.stack import Stack

# A bound that tells a hang; on a machine that is not busy it takes ten seconds.
QUARANTINE_SECONDS = 120.0


@pytest.fixture(scope="module")
def deadly_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose workers two messages kill (tests/faults/chosen_moments/killing_worker/sitecustomize.py)."""
    running = Stack(tmp_path_factory.mktemp("deadly"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent / "killing_worker"))
        try:
            running.start()
            yield running
        finally:
            running.stop()


def batch(session_id: str, deadly: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Nine harmless messages in requests of their own, and the deadly one."""
    return [message(session_id) for _ in range(9)], message(session_id) | {"id": str(uuid4()), "content": deadly}


@pytest.mark.parametrize("deadly", ["kill this process", "use up its memory"])
def test_a_record_that_kills_its_worker_is_set_aside_and_the_others_are_stored(deadly_stack: Stack, deadly: str) -> None:
    stack = deadly_stack
    session_id = start_session(stack)
    harmless, killer = batch(session_id, deadly)
    with stack.database() as connection:
        # Given that it comes amid others
        for event in [*harmless[:4], killer, *harmless[4:]]:
            assert send(stack, event).status_code == 201

        # Then the others are stored, and it is a dead letter of a whole entry which can be read
        def stored() -> int:
            ids = [event["id"] for event in harmless]
            return connection.execute("SELECT FROM messages WHERE id = ANY(%s::uuid[])", [ids]).rowcount

        def dead_letters() -> list[tuple[object, ...]]:
            return connection.execute(
                "SELECT kind, reason FROM dead_letters WHERE position(%s::bytea in payload) > 0", [str(killer["id"]).encode()]
            ).fetchall()

        assert wait_until(lambda: stored() == len(harmless), QUARANTINE_SECONDS)
        assert wait_until(lambda: len(dead_letters()) == 1, QUARANTINE_SECONDS)
        [(kind, reason)] = dead_letters()
        assert kind == "journal_entry"
        assert "died with it 3 times" in str(reason)
        await_settled(stack)

        # And what comes after it flows as before
        later = message(session_id)
        assert send(stack, later).status_code == 201
        await_settled(stack)
        assert connection.execute("SELECT FROM messages WHERE id = %s", [later["id"]]).rowcount == 1
        assert not any(verify(connection, IDLE_GAP).values())
    assert httpx.get(f"{stack.url}/readyz", timeout=10, trust_env=False).status_code == 200
