"""`GET /api/usage/blocks`: five hours of usage each, against a count of the calls one by one."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from services.query import cursor as cursors
from tests.integration.query import seed
from tests.integration.query.pages import pages
from tests.kept_connection import Connection

Json = dict[str, Any]
FIRST = datetime(2026, 3, 27, tzinfo=UTC)
FIVE_HOURS = timedelta(hours=5)
OPUS, SONNET, FREE = "claude-opus-4-6", "claude-sonnet-4-5", "a-model-without-a-price"
BLOCKS = "/api/usage/blocks"


class Call(NamedTuple):
    at: datetime
    user: str
    project: int
    session: str
    model: str
    # Input, output, written to the cache, read from it.
    tokens: tuple[int, int, int, int]
    nano_usd: int | None


def counted(calls: list[Call]) -> list[Json]:
    """The blocks of these calls, the newest first, by going from call to call."""
    blocks: list[list[Call]] = []
    for call in sorted(calls):
        if not blocks or call.at >= start_of(blocks[-1]) + FIVE_HOURS:
            blocks.append([])
        blocks[-1].append(call)
    gaps = [None, *(int((start_of(after) - start_of(block) - FIVE_HOURS) / timedelta(hours=1)) for block, after in pairwise(blocks))]
    return [shown(block, gap) for block, gap in reversed(list(zip(blocks, gaps, strict=True)))]


def start_of(block: list[Call]) -> datetime:
    return block[0].at.replace(minute=0, second=0, microsecond=0)


def shown(block: list[Call], gap: int | None) -> Json:
    sums = [sum(call.tokens[place] for call in block) for place in range(4)]
    costs = [call.nano_usd for call in block if call.nano_usd is not None]
    return {
        "start": start_of(block),
        "end": start_of(block) + FIVE_HOURS,
        "last_at": block[-1].at,
        "gap_hours": gap,
        "sessions": len({call.session for call in block}),
        "models": sorted({call.model for call in block}),
        "dropped_calls": 0,
        **dict(zip(("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens"), sums, strict=True)),
        "total_tokens": sum(sums),
        "api_calls": len(block),
        "unpriced_calls": len(block) - len(costs),
        "cost_usd": pytest.approx(sum(costs) / 1e9) if costs else None,
    }


def made_up_calls() -> list[Call]:
    """Two weeks of two people in two projects, over the days on which clocks change: sessions overlap, some last longer than a block, nights are quiet."""
    random = Random(7)
    calls = []
    for number in range(40):
        user, project = random.choice(("ann", "bob")), random.choice((0, 1))
        at = FIRST + timedelta(days=random.randrange(14), hours=random.uniform(6, 22))
        for _ in range(random.randrange(1, 40)):
            model = random.choice((OPUS, OPUS, SONNET, FREE))
            tokens = (random.randrange(50), random.randrange(2_000), random.randrange(9_000), random.randrange(90_000))
            calls.append(Call(at, user, project, f"session-{number}", model, tokens, None if model == FREE else random.randrange(10**9)))
            at += timedelta(minutes=random.expovariate(1 / 12))
    return calls


CALLS = made_up_calls()


def put(connection: Connection, calls: list[Call]) -> list[int]:
    """Stores them with their sums. Gives the ids of the projects."""
    projects = [seed.add_project(connection, f"/home/dev/project-{number}") for number in (0, 1)]
    users = {name: seed.add_user(connection, name) for name in sorted({call.user for call in calls})}
    of_session = {call.session: call for call in reversed(calls)}
    for session, call in of_session.items():
        seed.add_session(connection, session, projects[call.project], users[call.user], started_at=call.at, dated_at=call.at)
    for call in calls:
        written = dict(zip(("input_tokens", "output_tokens", "cache_write_5m_tokens", "cache_read_tokens"), call.tokens, strict=True))
        seed.add_api_call(connection, call.session, call.at, model=call.model, cost_nano_usd=call.nano_usd, **written)
    seed.compute_totals(connection)
    return projects


@pytest.fixture(scope="module")
def projects(kept_connection: Connection) -> list[int]:
    return put(kept_connection, CALLS)


def ask(client: TestClient, query: str = "") -> list[Json]:
    """All blocks, with times as times, and without what is asserted elsewhere."""
    items: list[Json] = []
    for item in pages(client, f"{BLOCKS}?{query}", 7):
        times = {name: datetime.fromisoformat(item[name]) for name in ("start", "end", "last_at") if item[name]}
        items.append({name: value for name, value in (item | times).items() if name not in ("is_active", "active_minutes", "burn_rate")})
    return items


def test_blocks_are_those_of_a_count_of_all_calls(kept_client: TestClient, projects: list[int]) -> None:
    blocks = ask(kept_client)

    assert blocks == counted(CALLS)
    assert len(blocks) > 20
    assert any(block["unpriced_calls"] for block in blocks)
    assert any(block["gap_hours"] == 0 for block in blocks), "work that goes on begins the next block at once"
    assert any(block["gap_hours"] for block in blocks)


@pytest.mark.parametrize("user", ["ann", "bob"])
def test_each_user_has_blocks_of_their_own(kept_client: TestClient, projects: list[int], user: str) -> None:
    assert ask(kept_client, f"user={user}") == counted([call for call in CALLS if call.user == user])


def test_blocks_are_made_of_what_the_filters_leave(kept_client: TestClient, projects: list[int]) -> None:
    of_project = [call for call in CALLS if call.project == 1]

    assert ask(kept_client, f"project_id={projects[1]}") == counted(of_project)
    assert ask(kept_client, f"model={OPUS}") == counted([call for call in CALLS if call.model == OPUS])
    assert ask(kept_client, f"model={FREE}&user=ann&project_id={projects[1]}") == counted(
        [call for call in of_project if call.model == FREE and call.user == "ann"]
    )
    assert ask(kept_client, "model=nobody-has-it") == ask(kept_client, "user=nobody") == []


def test_a_machine_and_a_group_are_counted_from_the_rows(client: TestClient, connection: Connection) -> None:
    projects = put(connection, CALLS)
    connection.execute("INSERT INTO machines (machine_id, name) VALUES ('m-1', 'laptop')")
    on_laptop = {f"session-{number}" for number in range(0, 40, 2)}
    for session in on_laptop:
        connection.execute("INSERT INTO session_machines VALUES (%s, 'm-1')", (session,))
    connection.execute("UPDATE projects SET group_name = 'work' WHERE id = %s", (projects[0],))

    assert ask(client, "machine=laptop") == counted([call for call in CALLS if call.session in on_laptop])
    assert ask(client, f"machine=laptop&model={SONNET}") == counted(
        [call for call in CALLS if call.session in on_laptop and call.model == SONNET]
    )
    assert ask(client, "group=work&user=bob") == counted([call for call in CALLS if call.project == 0 and call.user == "bob"])


@pytest.mark.parametrize("hours", [0.0, 0.5, 2.0, 4.999])
def test_a_range_that_begins_or_ends_within_a_block_has_it_whole(kept_client: TestClient, projects: list[int], hours: float) -> None:
    """given busy days, then no range moves a block: each is that of the whole history"""
    blocks = counted(CALLS)
    first, last = blocks[len(blocks) // 2], blocks[2]
    start, end = (f"{block['start'] + timedelta(hours=hours):%Y-%m-%dT%H:%M:%S}Z" for block in (first, last))

    found = ask(kept_client, f"start_date={start}&end_date={end}")

    assert found == blocks[3 if hours == 0 else 2 : len(blocks) // 2 + 1]


def test_a_range_of_days_is_of_its_zone(kept_client: TestClient, projects: list[int]) -> None:
    """given the day on which Berlin's clocks go forward, then it has 23 hours and the blocks are those of UTC"""
    begins, ends = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)

    found = ask(kept_client, "start_date=2026-03-29&end_date=2026-03-29&tz=Europe/Berlin")

    assert found == [block for block in counted(CALLS) if block["start"] < ends and block["end"] > begins]
    assert found


def test_an_hour_belongs_to_one_block(client: TestClient, connection: Connection) -> None:
    """given calls at the first and the last moment of a block, and at the first one after it"""
    edges = [FIRST + timedelta(hours=9, minutes=59), FIRST + FIVE_HOURS + timedelta(hours=8, minutes=59, seconds=59.999999)]
    put(connection, [Call(at, "ann", 0, "s", OPUS, (1, 1, 1, 1), 1) for at in (*edges, FIRST + FIVE_HOURS + timedelta(hours=9))])

    assert [(block["start"], block["api_calls"], block["gap_hours"]) for block in ask(client)] == [
        (FIRST + timedelta(hours=14), 1, 0),
        (FIRST + timedelta(hours=9), 2, None),
    ]


def test_work_without_a_pause_is_one_chain_on_every_page(client: TestClient, connection: Connection) -> None:
    """given a call in each hour of a month but one, then no hour tells by itself whether it begins a block"""
    hours = [FIRST + timedelta(hours=hour, minutes=hour % 60) for hour in range(720) if hour != 333]
    calls = [Call(at, "ann", 0, "s", OPUS, (1, 1, 1, 1), 1) for at in hours]
    put(connection, calls)
    some = counted(calls)[40:50]

    assert ask(client) == ask(client, f"model={OPUS}") == counted(calls)
    assert ask(client, f"start_date={some[-1]['start']:%Y-%m-%dT%H:%M:%SZ}&end_date={some[0]['end']:%Y-%m-%dT%H:%M:%SZ}") == some


def test_blocks_add_up_to_the_usage(kept_client: TestClient, projects: list[int]) -> None:
    totals = kept_client.get("/api/usage").json()["totals"]
    blocks = ask(kept_client)

    for name in ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "api_calls", "unpriced_calls"):
        assert sum(block[name] for block in blocks) == totals[name], name
    assert sum(block["cost_usd"] or 0 for block in blocks) == pytest.approx(totals["cost_usd"])


def test_usage_that_only_a_claude_json_tells_is_at_its_date(client: TestClient, connection: Connection) -> None:
    snapshot = {"usage_from_snapshot": True, "input_tokens": 5, "output_tokens": 7, "cost_nano_usd": 2_000_000, "model": SONNET}
    at = FIRST + timedelta(hours=3, minutes=10)
    seed.add_session(connection, "s", seed.add_project(connection, "/p"), started_at=at, dated_at=at, **snapshot)
    seed.compute_totals(connection)

    [block] = ask(client)

    assert (block["start"], block["api_calls"], block["total_tokens"], block["cost_usd"]) == (FIRST + timedelta(hours=3), 0, 12, 0.002)
    assert ask(client, f"model={SONNET}") == [block]


def test_the_active_block_has_a_burn_rate_by_its_active_time(client: TestClient, connection: Connection) -> None:
    now = datetime.now(UTC)
    before = now - timedelta(hours=30)
    project = seed.add_project(connection, "/p")
    for session, start in (("old", before), ("now", now - timedelta(minutes=20))):
        seed.add_session(connection, session, project, started_at=start, dated_at=start)
        for minutes in (4, 8, 12, 16, 20):
            seed.add_message(connection, session, start + timedelta(minutes=minutes))
        for minutes in (0, 20):
            usage = {"input_tokens": 1_000, "output_tokens": 2_000, "cost_nano_usd": 300_000_000, "model": OPUS}
            seed.add_api_call(connection, session, start + timedelta(minutes=minutes), **usage)
    seed.compute_totals(connection)

    active, old = client.get(BLOCKS).json()["items"]

    assert (active["is_active"], old["is_active"], old["burn_rate"]) == (True, False, None)
    assert active["active_minutes"] == pytest.approx(20, abs=0.01)
    assert active["burn_rate"] == {
        "tokens_per_hour": pytest.approx(18_000, rel=0.001),
        "cost_usd_per_hour": pytest.approx(1.8, rel=0.001),
    }


def test_an_active_block_without_active_time_or_price_has_no_such_rate(client: TestClient, connection: Connection) -> None:
    now = datetime.now(UTC)
    seed.add_session(connection, "s", seed.add_project(connection, "/p"), started_at=now, dated_at=now)
    seed.add_api_call(connection, "s", now, model=FREE, output_tokens=10)
    seed.compute_totals(connection)

    [block] = client.get(BLOCKS).json()["items"]

    assert (block["is_active"], block["cost_usd"], block["burn_rate"]) == (True, None, None)


def test_the_answer_says_that_blocks_are_not_the_windows_of_the_limits(client: TestClient) -> None:
    answer = client.get(BLOCKS).json()

    assert answer["items"] == []
    assert "not the windows of Claude Code's limits: GET /api/quota" in answer["about"]


def test_all_blocks_are_given_as_csv(kept_client: TestClient, projects: list[int]) -> None:
    head, *rows = kept_client.get(f"{BLOCKS}?format=csv").text.splitlines()

    assert head.startswith("start,end,last_at,is_active,gap_hours,sessions,models,")
    assert head.endswith("cost_usd,burn_rate.tokens_per_hour,burn_rate.cost_usd_per_hour")
    assert len(rows) == len(counted(CALLS))


@pytest.mark.parametrize("cursor", ["9223372036854775807", "-9223372036854775808"])
def test_a_cursor_of_our_own_form_never_fails(kept_client: TestClient, projects: list[int], cursor: str) -> None:
    ours = kept_client.get(f"{BLOCKS}?limit=1").json()["next_cursor"]
    assert ours
    fingerprint = cursors.fingerprint(BLOCKS, {})
    assert kept_client.get(f"{BLOCKS}?cursor={cursors.encode([int(cursor)], fingerprint)}").status_code == 200
