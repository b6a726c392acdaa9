"""A small world for reading: two years of three projects and two users, around changes of the clock, with some things undated."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from psycopg import Connection

from tests.integration.query import seed

# Around the change of the clock in Berlin and New York, so that days are 23 and 25 hours long; and some weeks around.
STARTS = [
    datetime(2024, 3, 9, tzinfo=UTC),
    datetime(2024, 3, 30, tzinfo=UTC),
    datetime(2024, 10, 26, tzinfo=UTC),
    datetime(2024, 11, 2, tzinfo=UTC),
    datetime(2025, 2, 27, tzinfo=UTC),
]
ACTIONS = ["created", "modified", "deleted"]
# A release that did not know what the cache saved has stored the calls of the second.
MODELS: list[dict[str, Any]] = [
    {
        "model": "claude-opus", "cost_nano_usd": 1_234_567, "uncached_nano_usd": 7_000_003, "cache_saved_nano_usd": 6_100_002,
        "price_version": "prices 2",
    },
    {"model": "claude-haiku", "cost_nano_usd": 1_001, "price_version": "prices 1"},
    {"model": "claude-next", "cost_nano_usd": None},
    {"model": None, "cost_nano_usd": None},
]  # fmt: skip


class World(Struct):
    """The ids of everything."""

    projects: list[int]
    sessions: list[str]


def build(connection: Connection[Any], sessions: int = 24, events: int = 12) -> World:
    """Fills the database, the same each time."""
    rng = random.Random(20240115)
    projects = [seed.add_project(connection, f"/home/dev/{name}") for name in ("alpha", "beta", "empty", "undated")]
    users = [0, seed.add_user(connection, "ada"), seed.add_user(connection, "bob")]
    ids = [f"session-{number}" for number in range(sessions)]
    with connection.pipeline():
        for number, session_id in enumerate(ids):
            start = rng.choice(STARTS) + timedelta(minutes=rng.randrange(3 * 24 * 60))
            ended = {"ended_at": start + timedelta(minutes=90)} if number % 3 else {}
            seed.add_session(connection, session_id, rng.choice(projects[:2]), rng.choice(users), started_at=start, source="hook", **ended)
            for _ in range(events):
                at = start + timedelta(seconds=rng.randrange(80 * 60), microseconds=rng.randrange(10**6))
                _add_event(connection, rng, session_id, at)
        seed.add_session(
            connection, "undated", projects[3], users[1], cost_nano_usd=1_500_000_000, usage_from_snapshot=True, source="claude.json"
        )
        for _ in range(5):
            seed.add_message(connection, "undated", seed.UNDATED, "an old prompt of unknown date")
        seed.add_tool_call(connection, None, STARTS[0], "Orphan", status="timeout", duration_ms=None)
        seed.add_session(connection, "identity-only", projects[0], counted=False)
        seed.compute_totals(connection)
    return World(projects, [*ids, "undated"])


def _add_event(connection: Connection[Any], rng: random.Random, session_id: str, at: datetime) -> None:
    kind = rng.randrange(3)
    if kind == 0:
        message_id = seed.add_message(
            connection,
            session_id,
            at,
            f"message {rng.randrange(50)}",
            role=rng.choice(["user", "assistant"]),
        )
        tokens = {name: rng.randrange(100) for name in ("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")}
        seed.add_api_call(connection, session_id, at, id=message_id, cache_read_tokens=rng.randrange(10**9), **tokens, **rng.choice(MODELS))
    elif kind == 1:
        status, duration = (
            rng.choice(["success", "success", "error", "rejected", "timeout", "cancelled", "pending"]),
            rng.choice([None, 0, 1, rng.randrange(10_000)]),
        )
        seed.add_tool_call(
            connection, session_id, at, rng.choice(["Bash", "Read", "Edit"]), status=status, duration_ms=duration, parameters='{"n":  1}'
        )
    else:
        path = f"/home/dev/src/file{rng.randrange(8)}.py"
        seed.add_activity(connection, session_id, at, path, action=rng.choice(ACTIONS), lines_added=rng.randrange(9))
