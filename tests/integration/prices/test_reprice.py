"""POST /api/reprice prices stored calls anew, with every sum, and says what changed."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from deploy.embedded.supervision.processes import wait_until
from services.worker.maintenance import reprice
from services.worker.maintenance.jobs import run_job
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import open_resources
from shared.jobs import REPRICE, RETENTION
from tests.faults.product import job_worker
from tests.integration.keys.conftest import is_error
from tests.integration.keys.ownership.owners import AT, World
from tests.integration.prices.pricing_world import NEXT, costs, differences, repriced, said, set_price, shown, start, store, unset_price

SONNET = "claude-sonnet-4-5"
WAITS = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
NOTHING = {"changed_calls": 0, "old_usd": 0, "new_usd": 0}


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reprice, "CALLS_AT_ONCE", 2)


def fill(world: World) -> None:
    """Three sessions with seven calls of two models."""
    at = (AT + timedelta(hours=n) for n in count())
    store(
        world,
        *(said("s1", NEXT, next(at), written=500, read=9000) for _ in range(3)),
        *(said("s2", model, next(at)) for model in (NEXT, SONNET, SONNET)),
        said("s3", SONNET, next(at)),
    )


def totals(found: dict[str, Any]) -> dict[str, Any]:
    return {name: round(found[name], 9) for name in ("changed_calls", "old_usd", "new_usd")}


def sessions(world: World) -> dict[str, tuple[float | None, int]]:
    items = world.api.get(world.api.key("read"), "/api/sessions").json()["items"]
    return {each["session_id"]: (each["cost_usd"], each["unpriced_calls"]) for each in items}


def test_every_sum_follows_and_the_run_says_what_changed(world: World, small_steps: None) -> None:
    fill(world)
    before = sessions(world)
    set_price(world, input=10, output=50)

    found = repriced(world)

    # s1: three times 1,000 plain, 500 written, 9,000 read, 100 of output; s2 one with 1,000 and 100
    assert before == {"s1": (None, 3), "s2": (0.009, 1), "s3": (0.0045, 0)}
    assert sessions(world) == {"s1": (0.09075, 0), "s2": (0.024, 0), "s3": (0.0045, 0)}
    assert differences(world) == {}
    assert totals(found) == {"changed_calls": 4, "old_usd": 0, "new_usd": 0.10575}
    assert [
        (each["model"], each["calls"], each["changed_calls"], each["changed_sessions"], each["newly_priced"]) for each in found["models"]
    ] == [
        (NEXT, 4, 4, 2, 4),
        (SONNET, 3, 0, 0, 0),
    ]
    assert world.api.get(world.api.key("read"), "/api/usage?group_by=project").json()["items"][0]["cost_usd"] == 0.11925


def test_a_second_run_changes_nothing(world: World, small_steps: None) -> None:
    fill(world)
    set_price(world)
    set_price(world, SONNET, input=1, output=1)
    first = repriced(world)
    stored = world.api.select("SELECT * FROM api_calls ORDER BY id")

    second = repriced(world)

    assert first["changed_calls"] == 7
    assert totals(second) == NOTHING
    assert world.api.select("SELECT * FROM api_calls ORDER BY id") == stored


def test_a_dry_run_says_the_same_and_changes_nothing(world: World, small_steps: None) -> None:
    fill(world)
    set_price(world)
    before = costs(world)

    counted = repriced(world, dry_run=True)

    assert costs(world) == before
    assert counted["models"] == repriced(world)["models"]


def test_only_the_range_and_the_models_that_were_asked_for_change(world: World, small_steps: None) -> None:
    fill(world)
    set_price(world, "*", input=10, output=50)

    found = repriced(world, from_at=(AT + timedelta(hours=1)).isoformat(), to_at=(AT + timedelta(hours=5)).isoformat(), model="claude-n*")

    assert [(each["model"], each["changed_calls"]) for each in found["models"]] == [(NEXT, 3)]
    assert costs(world) == [None, 0.03025, 0.03025, 0.015, 0.0045, 0.0045, 0.0045]


def test_a_price_that_was_taken_back_leaves_no_cost_where_nothing_else_prices_the_model(world: World) -> None:
    fill(world)
    price = set_price(world, "*")
    repriced(world)
    unset_price(world, price["id"])

    found = repriced(world)

    assert costs(world) == [None, None, None, None, 0.0045, 0.0045, 0.0045]
    assert [(each["model"], each["changed_calls"], each["no_longer_priced"]) for each in found["models"]] == [(NEXT, 4, 4), (SONNET, 3, 0)]
    assert differences(world) == {}


def test_a_cost_of_another_list_stays_where_nothing_prices_the_model_now(world: World) -> None:
    price = set_price(world)
    fill(world)
    unset_price(world, price["id"])
    world.api.select("UPDATE api_calls SET price_version = 'an older list' WHERE model = %s RETURNING 1", NEXT)

    found = repriced(world)

    assert totals(found) == NOTHING


def test_one_run_at_a_time_and_others_are_listed(world: World) -> None:
    first = start(world)
    assert is_error(world.api.post(world.admin, "/api/reprice", {}), 409, "CONFLICT")
    while run_job(world.worker, REPRICE, first):
        pass
    second = repriced(world, dry_run=True)

    listed = world.api.get(world.admin, "/api/reprices?limit=1").json()

    assert [each["reprice_id"] for each in listed["items"]] == [second["reprice_id"]]
    rest = world.api.get(world.admin, f"/api/reprices?limit=1&cursor={listed['next_cursor']}").json()
    assert [each["reprice_id"] for each in rest["items"]] == [str(first)]
    assert is_error(world.api.get(world.admin, f"/api/reprices/{'0' * 8}-0000-4000-8000-{'0' * 12}"), 404, "REPRICE_NOT_FOUND")
    acts = world.api.select("SELECT subject FROM audit_log WHERE act = 'prices.reprice' ORDER BY id")
    assert [each["subject"] for each in acts] == [str(first), second["reprice_id"]]


def test_a_killed_worker_leaves_correct_sums_and_another_goes_on(world: World) -> None:
    """given a worker that is killed with kill -9 in the middle, then all agrees at once, and the run ends with the same counts as one that was not."""
    store(world, *(said(f"s{n % 40:02}", NEXT, AT + timedelta(seconds=n)) for n in range(1200)))
    set_price(world)
    expected = repriced(world, dry_run=True)["models"]
    reprice_id = start(world)
    settings = world.worker.settings
    worker = job_worker.start({"database_url": settings.database_url, "redis_url": settings.redis_url}, REPRICE.name, reprice_id)

    assert wait_until(lambda: shown(world, reprice_id)["changed_calls"] > 0, timeout_seconds=60)
    worker.kill()
    worker.wait()

    between = shown(world, reprice_id)
    assert between["status"] == "running"
    assert 0 < between["changed_calls"] < 1200
    assert differences(world) == {}
    world.api.select("UPDATE jobs SET lease_expires_at = now() - interval '1 second' RETURNING 1")
    while run_job(world.worker, REPRICE, reprice_id):
        pass
    assert shown(world, reprice_id)["models"] == expected
    assert set(costs(world)) == {0.015}
    assert differences(world) == {}


def test_what_retention_has_dropped_keeps_its_cost_and_is_counted(world: World) -> None:
    set_price(world, input=1, output=1)
    fill(world)
    world.api.select("INSERT INTO retention_rules (what, days) VALUES ('sessions', 30) RETURNING 1")
    run_id = uuid4()
    world.api.select("INSERT INTO jobs (kind, id, is_dry_run) VALUES ('retention', %s, false) RETURNING 1", run_id)
    while run_job(world.worker, RETENTION, run_id):
        pass
    store(world, said("new", at=datetime.now(UTC) - timedelta(days=1)))
    set_price(world, input=10, output=50)

    found = repriced(world)

    # The dropped sessions have four calls at $1 and three of Sonnet; the new one is of 1,000 tokens of input and 100 of output
    assert {each["model"]: (each["dropped_calls"], round(each["dropped_usd"], 9)) for each in found["models"]} == {
        NEXT: (4, 0.008975),
        SONNET: (3, 0.0135),
    }
    assert totals(found) == {"changed_calls": 1, "old_usd": 0.0011, "new_usd": 0.015}
    assert world.api.select(
        "SELECT sum(cost_nano_usd)::bigint AS cost FROM usage_rollups WHERE (project_id, user_id, grain_minutes) = (-1, -1, 0)"
    ) == [{"cost": 8_975_000 + 13_500_000 + 15_000_000}]


def test_a_batch_that_was_priced_before_the_change_is_waited_for(world: World) -> None:
    """given a batch that is not committed yet, when a price is set and a run begins, then the run goes over what the batch stored"""
    other = open_resources(world.worker.settings)
    with ThreadPoolExecutor(1) as pool:
        with other.transaction() as connection:
            persist(connection, [ReceivedEvent(said("s"), AT, "test", "1-1")], idle_gap=other.idle_gap)
            set_price(world)
            reprice_id = start(world)
            run = pool.submit(run_job, world.worker, REPRICE, reprice_id)
            assert wait_until(lambda: bool(world.api.select(WAITS)), timeout_seconds=60)
        assert run.result(60) is False
    other.close()

    assert costs(world) == [0.015]
    assert shown(world, reprice_id)["changed_calls"] == 1
