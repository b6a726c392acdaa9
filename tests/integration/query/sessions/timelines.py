"""A session with an entry of each kind, and its timeline."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from psycopg.types.json import Json
from starlette.testclient import TestClient

from tests.integration.query import seed
from tests.json_answers import json_of
from tests.kept_connection import Connection

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)
PATH = "/api/sessions/s/timeline"
Json_ = dict[str, Any]


def read(client: TestClient, **parameters: Any) -> Json_:
    return json_of(client, PATH, params=parameters)


def fill(connection: Connection, random: Random, size: int) -> None:
    """A session with everything in it, many things at the same instant, in two subagents too."""
    agents = [None, None, None, "a", "b"]
    for _ in range(size):
        at = NOON + timedelta(minutes=random.randrange(40) ** 2 // 20)
        moment: datetime | str = seed.UNDATED if random.random() < 0.05 else at
        agent_id = random.choice(agents)
        kind = random.randrange(7)
        if kind == 0:
            seed.add_message(connection, "s", moment, "do it", agent_id=agent_id)
        elif kind in (1, 2):
            seed.add_message(connection, "s", moment, "done", role="assistant", model=random.choice("xyz"), agent_id=agent_id)
            cost = random.choice([None, 1_000_000, 2_500_000])
            used = {"input_tokens": random.randrange(99), "output_tokens": 7, "cache_write_5m_tokens": 3, "cache_read_tokens": 1}
            seed.add_api_call(connection, "s", moment, agent_id=agent_id, cost_nano_usd=cost, **used)
        elif kind in (3, 4):
            started = random.choice([None, None, "a"])
            call = seed.add_tool_call(connection, "s", moment, agent_id=agent_id, started_agent=started, result="ok")
            if random.random() < 0.5:
                seed.add_activity(connection, "s", moment, "/home/ann/shop/a.py", agent_id=agent_id, tool_call_id=call, patch="@@ -1 +1 @@")
        elif kind == 5:
            seed.add_activity(
                connection, "s", moment, "/home/ann/shop/b.py", agent_id=agent_id, tool_call_id=random.choice([None, UUID(int=7)])
            )
        else:
            entry = random.choice(["thinking", "compaction", "notice", "command"])
            details = Json({"type": "prompt"}) if entry == "command" and random.random() < 0.7 else None
            seed.add_timeline_entry(connection, "s", moment, entry, "/review 42", agent_id=agent_id, details=details)
    seed.compute_totals(connection)
