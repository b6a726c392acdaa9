"""Sets prices and prices anew through the API, with the worker's part done at once."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from services.worker.maintenance.jobs import run_job
from services.worker.maintenance.verify import verify
from shared.events.messages import Conversation, Usage
from shared.jobs import REPRICE
from tests.integration.keys.ownership.owners import AT, World

# A model that no list has.
NEXT = "claude-next-1"


def set_price(world: World, model: str = "claude-next-*", **price: Any) -> dict[str, Any]:
    answer = world.api.ask(world.admin, "PUT", "/api/prices", json={"model": model, "input": 10, "output": 50} | price)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def unset_price(world: World, price_id: str) -> None:
    assert world.api.ask(world.admin, "DELETE", f"/api/prices/{price_id}").status_code == 200


def said(session_id: str, model: str = NEXT, at: datetime = AT, *, input: int = 1000, written: int = 0, read: int = 0) -> Conversation:
    """An answer that used so many tokens, and 100 of output."""
    usage = Usage(input_tokens=input, output_tokens=100, cache_creation_input_tokens=written, cache_read_input_tokens=read)
    return Conversation(id=uuid4(), session_id=session_id, role="assistant", content="So.", timestamp=at, model=model, usage=usage)


def store(world: World, *events: Any) -> None:
    world.append(events=list(events))
    world.settle()


def costs(world: World) -> list[float | None]:
    """The stored calls' costs, by time, in USD."""
    found = world.api.select("SELECT cost_nano_usd FROM api_calls ORDER BY occurred_at, session_id, cost_nano_usd")
    return [None if row["cost_nano_usd"] is None else row["cost_nano_usd"] / 1e9 for row in found]


def start(world: World, **wanted: Any) -> UUID:
    answer = world.api.post(world.admin, "/api/reprice", wanted)
    assert answer.status_code == 202, answer.text
    return UUID(answer.json()["reprice_id"])


def shown(world: World, reprice_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = world.api.get(world.admin, f"/api/reprices/{reprice_id}").json()
    return found


def repriced(world: World, **wanted: Any) -> dict[str, Any]:
    """A run from begin to end, step by step."""
    reprice_id = start(world, **wanted)
    while run_job(world.worker, REPRICE, reprice_id, run_seconds=0):
        assert differences(world) == {}
    found = shown(world, reprice_id)
    assert found["status"] == "succeeded"
    return found


def differences(world: World) -> dict[str, int]:
    with world.worker.connection() as connection:
        return {name: number for name, number in verify(connection, world.worker.idle_gap).items() if number}
