"""Prices of one's own come before the price list: in the next call, whoever brings it."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import Connection

from services.worker.persist.derived_values import stored_prices
from services.worker.persist.derived_values.pricing import price_version
from services.worker.resources import open_resources
from services.worker.settings import Settings
from tests.integration.keys.conftest import is_error
from tests.integration.keys.ownership.owners import AT, BOBS, World, conversation
from tests.integration.prices.pricing_world import NEXT, costs, said, set_price, store, unset_price

SONNET = "claude-sonnet-4-5"


def test_the_next_call_is_priced_by_what_was_just_set(world: World) -> None:
    store(world, said("s", SONNET))
    store(world, said("s", at=AT + timedelta(minutes=1)))

    price = set_price(world)
    store(world, said("s", at=AT + timedelta(minutes=2)))
    unset_price(world, price["id"])
    store(world, said("s", at=AT + timedelta(minutes=3)))

    # 1,000 tokens of input and 100 of output: Sonnet at $3 and $15, the own price at $10 and $50
    assert costs(world) == [0.0045, None, 0.015, None]


def test_an_import_and_a_reparse_use_it_too(world: World) -> None:
    own = world.api.key("ingest", user="bob")
    assert world.upload(own, f"{BOBS}.jsonl", conversation(BOBS, "/bob", AT, "words")).status_code in (200, 202)
    world.settle()
    listed = costs(world)

    set_price(world, SONNET, input=1_000_000, output=0)
    world.reparse()

    # 5 tokens of input at a dollar each, and 7 of output for nothing
    assert listed == [0.00012, 0.00012]
    assert costs(world) == [5.0, 5.0]


def test_of_several_prices_the_narrowest_and_latest_counts(world: World) -> None:
    set_price(world, "*", input=1, output=0)
    set_price(world, "claude-next-*", input=2, output=0)
    set_price(world, "claude-next-*", input=3, output=0, valid_from="2026-05-02")
    set_price(world, "claude-next-*", input=4, output=0, valid_from="2026-06-01")
    set_price(world, "claude-next-2", input=5, output=0)
    set_price(world, "claude-next-2", input=6, output=0, above_input_tokens=200_000)

    store(
        world,
        *(said("s", model, AT + timedelta(minutes=n), input=1_000_000) for n, model in enumerate(("other", NEXT))),
        said("s", "claude-next-2", AT + timedelta(minutes=2), input=200_000),
        said("s", "claude-next-2", AT + timedelta(minutes=3), input=200_001),
        said("s", NEXT, AT - timedelta(days=1), input=1_000_000),
    )

    assert costs(world) == [2.0, 1.0, 3.0, 1.0, 1.200006]


def test_the_parts_of_a_cost_have_the_factors_of_the_price(world: World) -> None:
    set_price(world, input=10, output=50, cache_write_5m=30, cache_read=7)
    store(world, said("s", input=1000, written=2000, read=3000))

    [parts] = world.api.select("SELECT * FROM api_call_costs")

    usd = {name: round(parts[f"{name}_nano_usd"] / 1e9, 9) for name in ("input", "cache_write", "cache_read", "output", "cost")}
    assert usd == {"input": 0.01, "cache_write": 0.06, "cache_read": 0.021, "output": 0.005, "cost": 0.096}


def test_prices_in_use_are_shown_with_source_and_date(world: World) -> None:
    price = set_price(world, "claude-opus-4-6*", valid_from="2026-01-01")
    world.settle()

    found = world.api.get(world.api.key("read"), "/api/prices").json()["items"]

    own, listed = found[0], [each for each in found if each["source"] == "list"]
    assert (own["id"], own["source"], own["model"], own["valid_from"]) == (price["id"], "api", "claude-opus-4-6*", "2026-01-01")
    assert (own["input"], own["output"], own["cache_write_5m"], own["cache_write_1h"], own["cache_read"]) == (10, 50, 12.5, 20, 1)
    opus = [each for each in listed if each["model"] == "claude-opus-4-6"]
    assert [(each["valid_from"], each["above_input_tokens"], each["input"], each["is_overridden"]) for each in opus] == [
        ("2026-03-13", 0, 5, True),
        (None, 0, 5, True),
        (None, 200_000, 10, True),
    ]
    assert {each["version"] for each in listed} == {price_version()}
    assert not any(each["is_overridden"] for each in listed if each["model"] != "claude-opus-4-6")


def test_setting_one_again_replaces_it_and_both_are_in_the_audit_log(world: World) -> None:
    first, second = set_price(world), set_price(world, input=20)
    unset_price(world, second["id"])

    assert first["id"] == second["id"]
    acts = world.api.select("SELECT act, subject, details->>'input' AS input FROM audit_log ORDER BY id")
    assert [tuple(each.values()) for each in acts] == [
        ("prices.set", "claude-next-*", "10.0"),
        ("prices.set", "claude-next-*", "20.0"),
        ("prices.unset", second["id"], None),
    ]
    assert is_error(world.api.ask(world.admin, "DELETE", f"/api/prices/{second['id']}"), 404, "PRICE_NOT_FOUND")


def test_prices_of_the_list_cannot_be_taken_back(world: World) -> None:
    store(world, said("s"))
    [listed, *_] = world.api.get(world.admin, "/api/prices").json()["items"]

    assert is_error(world.api.ask(world.admin, "DELETE", f"/api/prices/{listed['id']}"), 404, "PRICE_NOT_FOUND")


@pytest.mark.parametrize(
    ("price", "field"),
    [
        ({"model": "claude-*", "input": 1}, "output"),
        ({"model": "", "input": 1, "output": 1}, "model"),
        ({"model": "50%", "input": 1, "output": 1}, "model"),
        ({"model": "claude-*", "input": -1, "output": 1}, "input"),
        ({"model": "claude-*", "input": 1, "output": 1, "tier": "batch"}, "tier"),
        ({"model": "claude-*", "input": 1, "output": 1, "valid_from": "soon"}, "valid_from"),
        ({"model": "claude-*", "input": 1, "output": 1, "inputs": 1}, "inputs"),
    ],
)
def test_a_price_that_cannot_be_is_refused_by_its_field(world: World, price: dict[str, Any], field: str) -> None:
    answer = world.api.ask(world.admin, "PUT", "/api/prices", json=price)

    assert is_error(answer, 400, "VALIDATION_ERROR")
    assert field in answer.text


def restarted(world: World, prices: Path | None) -> World:
    """The same tracker, with a worker that starts with this file."""
    world.worker.close()
    return World(world.api, open_resources(world.worker.settings.model_copy(update={"prices": prices}), writes_prices=True), world.admin)


def test_the_workers_file_counts_until_a_start_without_it_and_the_api_comes_first(world: World, tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text('[[prices]]\nmodel = "claude-next-*"\ninput = 20\noutput = 0\n')

    world = restarted(world, file)
    store(world, said("s"))
    shown = [each for each in world.api.get(world.admin, "/api/prices").json()["items"] if each["source"] == "file"]
    price = set_price(world, input=30, output=0)
    store(world, said("s", at=AT + timedelta(minutes=1)))
    unset_price(world, price["id"])
    store(world, said("s", at=AT + timedelta(minutes=2)))
    # A command that somebody runs without the file changes nothing.
    command = open_resources(Settings(database_url=world.worker.settings.database_url, redis_url=world.worker.settings.redis_url))
    with command.transaction() as connection:
        kept = connection.execute("SELECT count(*) FROM prices WHERE source = 'file'").fetchall()
    command.close()
    world = restarted(world, None)
    store(world, said("s", at=AT + timedelta(minutes=3)))
    world.worker.close()

    assert [(each["model"], each["input"], each["version"]) for each in shown] == [("claude-next-*", 20, "own price claude-next-* (file)")]
    assert kept == [(1,)]
    assert costs(world) == [0.02, 0.03, 0.02, None]


def test_a_batch_reads_prices_only_when_they_have_changed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[UUID | None] = []

    def counted(connection: Connection[Any], version: UUID | None) -> None:
        reads.append(version)
        read(connection, version)

    read = stored_prices.read
    monkeypatch.setattr(stored_prices, "read", counted)
    store(world, said("s"))
    before = len(reads)

    for n in range(1, 4):
        store(world, said("s", at=AT + timedelta(minutes=n)))
    unchanged = len(reads)
    set_price(world)
    store(world, said("s", at=AT + timedelta(minutes=4)))
    store(world, said("s", at=AT + timedelta(minutes=5)))

    assert (unchanged - before, len(reads) - unchanged) == (0, 1)
    assert costs(world) == [None] * 4 + [0.015] * 2
