"""Readings on the journal become rows of which any order of arrival, any batching and any repetition leaves the same."""

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

import psycopg
import pytest

from services.worker.drain.drain_partition import drain
from services.worker.drain.store_readings import store_readings
from shared.events.readings import (
    CacheMissCause,
    ClientCost,
    PromptCache,
    RateLimit,
    RateLimitEvent,
    RateLimits,
    Reading,
    ReadingBody,
    StatusLine,
    UsageCache,
    UsageWindow,
)
from tests.integration.worker.accounting.accounting_world import World
from tests.integration.worker.journal_entries import NOW, request
from tests.integration.worker.statements import select
from tests.kept_connection import Connection

RESET = NOW + timedelta(hours=2)
ACCOUNT = "9f86d081884c7d65"


def minutes(number: float) -> datetime:
    return NOW + timedelta(minutes=number)


def line(at: float, used: float, resets_at: datetime = RESET, *, session: str = "s", user: str | None = "ann") -> StatusLine:
    limits = RateLimits(five_hour=RateLimit(used_percentage=used, resets_at=resets_at.timestamp()))
    cost = ClientCost(total_cost_usd=at)
    cache = PromptCache(warm=at % 2 == 0, misses=round(at), last_miss_cause=CacheMissCause(causes=["tools_changed"]) if at else None)
    return StatusLine(session_id=session, read_at=minutes(at), machine_id="m", user=user, rate_limits=limits, cost=cost, prompt_cache=cache)


def cache(at: float, **used: float) -> UsageCache:
    windows = [UsageWindow(kind=kind, used_percentage=percentage, resets_at=RESET) for kind, percentage in used.items()]
    return UsageCache(account=ACCOUNT, fetched_at=minutes(at), read_at=minutes(at + 1), windows=windows, machine_id="m", user="ann")


def readings(bodies: Sequence[ReadingBody]) -> list[tuple[Reading, datetime]]:
    return [(Reading(id=UUID(int=number), body=body), NOW) for number, body in enumerate(bodies)]


@pytest.fixture
def connection(database_url: str) -> Any:
    with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


def quota(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT kind, source, account, resets_at, used_percentage::float8, first_read_at, last_read_at FROM quota_readings ORDER BY 1, 2, 5"
    ).fetchall()


def test_a_percentage_is_one_row_with_its_first_and_its_last_reading(connection: Connection) -> None:
    store_readings(connection, readings([line(5, 40), line(0, 40), line(3, 40), line(6, 41.26)]))

    assert quota(connection) == [
        ("five_hour", "status_line", "", RESET, 40.0, minutes(0), minutes(5)),
        ("five_hour", "status_line", "", RESET, 41.3, minutes(6), minutes(6)),
    ]


def test_resets_that_differ_by_seconds_are_one_window(connection: Connection) -> None:
    store_readings(
        connection, readings([line(0, 40, RESET), line(1, 41, RESET - timedelta(seconds=1)), line(2, 42, RESET + timedelta(seconds=9))])
    )

    assert {resets_at for _, _, _, resets_at, *_ in quota(connection)} == {RESET}


def test_a_cached_window_was_read_when_claude_code_fetched_it(connection: Connection) -> None:
    store_readings(connection, readings([cache(0, five_hour=12, seven_day_opus=70)]))

    assert quota(connection) == [
        ("five_hour", "usage_cache", ACCOUNT, RESET, 12.0, minutes(0), minutes(0)),
        ("seven_day_opus", "usage_cache", ACCOUNT, RESET, 70.0, minutes(0), minutes(0)),
    ]


def test_windows_that_claude_code_printed_are_of_a_source_of_their_own(connection: Connection) -> None:
    windows = [UsageWindow(kind="five_hour", used_percentage=42.04, resets_at=RESET), UsageWindow(kind="seven_day", used_percentage=0)]

    store_readings(connection, readings([RateLimitEvent(session_id="s", windows=windows, read_at=minutes(3), machine_id="m")]))

    assert quota(connection) == [("five_hour", "rate_limit_event", "", RESET, 42.0, minutes(3), minutes(3))]


def test_the_newest_status_line_of_a_session_stays(connection: Connection) -> None:
    store_readings(connection, readings([line(9, 1), line(2, 1)]))
    store_readings(connection, readings([line(4, 1)]))

    assert connection.execute("SELECT session_id, read_at, total_cost_usd::float8, prompt_cache FROM status_lines").fetchall() == [
        ("s", minutes(9), 9.0, {"warm": False, "misses": 9, "last_miss_cause": {"causes": ["tools_changed"]}})
    ]


def test_a_newer_status_line_without_a_cache_has_none(connection: Connection) -> None:
    """given a client that was started anew, then what the one before counted is not told as its"""
    store_readings(connection, readings([line(4, 1)]))
    store_readings(connection, readings([StatusLine(session_id="s", read_at=minutes(5), machine_id="m")]))

    assert connection.execute("SELECT prompt_cache FROM status_lines").fetchall() == [(None,)]


def in_any_order(connection: Connection, rng: random.Random, bodies: list[ReadingBody]) -> Iterator[None]:
    """Eight times all of them are stored in another order, a few at a time, and some of these twice."""
    for _ in range(8):
        connection.execute("TRUNCATE quota_readings, status_lines")
        shuffled = rng.sample(readings(bodies), len(bodies))
        while shuffled:
            size = rng.randint(1, 5)
            for _ in range(rng.randint(1, 2)):
                store_readings(connection, shuffled[:size])
            shuffled = shuffled[size:]
        yield


def test_any_order_any_batching_and_any_repetition_end_in_the_same_rows(connection: Connection) -> None:
    rng = random.Random(27)
    bodies: list[ReadingBody] = [line(at, at // 3, session=f"s{at % 2}", user=("ann", None)[at % 2]) for at in range(12)]
    bodies += [cache(at, five_hour=at, seven_day=50) for at in range(6)]
    tables = [f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4, 5, 6, 7" for table in ("quota_readings", "status_lines")]

    outcomes = [[connection.execute(table.encode()).fetchall() for table in tables] for _ in in_any_order(connection, rng, bodies)]

    assert all(outcome == outcomes[0] for outcome in outcomes)
    assert store_readings(connection, readings(bodies)).changed == 0


def test_of_a_window_that_is_over_each_five_points_are_one_row(connection: Connection) -> None:
    """given two windows that went from 0 to 100 %, in steps of half a point, the later one not over yet."""
    later = RESET + timedelta(hours=5)
    bodies = [line(step, step / 2) for step in range(201)] + [line(300 + step, step / 2, later) for step in range(201)]

    store_readings(connection, readings(bodies))

    kept: dict[datetime, list[float]] = {RESET: [], later: []}
    for _, _, _, resets_at, used, *_ in quota(connection):
        kept[resets_at].append(used)
    assert kept[RESET] == [0.0, *(5.0 * step for step in range(1, 21))]
    assert len(kept[later]) == 201
    # And the last percentage has its first and its last reading still
    [last] = [row for row in quota(connection) if row[3] == RESET and row[4] == 100]
    assert last[5:] == (minutes(200), minutes(200))


def test_windows_that_are_over_are_thin_in_any_order(connection: Connection) -> None:
    rng = random.Random(28)
    resets = [RESET + timedelta(hours=5 * number) for number in range(4)]
    bodies: list[ReadingBody] = [
        line(rng.randrange(60), rng.choice((0.5, 3, 4.5, 5, 5.1, 9, 12, 61.3, 99.9, 100)), rng.choice(resets)) for _ in range(120)
    ]

    outcomes = [sorted(quota(connection)) for _ in in_any_order(connection, rng, bodies)]

    for outcome in outcomes:
        assert outcome == outcomes[0]
    kept = [(resets_at, ceil(used / 5)) for _, _, _, resets_at, used, *_ in outcomes[0] if resets_at < resets[-1]]
    assert len(kept) == len(set(kept)) == 3 * 5


def test_readings_are_drained_and_counted(world: World) -> None:
    told = [each for each, _ in readings([line(0, 4), cache(0, five_hour=4)])]
    for _ in range(2):
        world.append(payload=request(readings=told), n=2)

    drain(world.me)

    assert world.sums() == (4, 2, 2, 0, 0)
    assert select(world.me, "SELECT machine_id, user_name FROM machines") == [("m", "ann")]
    assert select(world.me, "SELECT session_id, machine_id FROM session_machines") == [("s", "m")]
    assert select(world.me, "SELECT count(*) FROM quota_readings") == [(2,)]
