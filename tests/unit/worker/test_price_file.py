"""The file TRACKER_PRICES: prices of one's own, in TOML or JSON, or one sentence that says what is wrong."""

import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from services.worker.persist.derived_values.price_file import InvalidPrices, read_file
from shared.prices import OwnPrice

TOML = """
[[prices]]
model = "claude-next-*"
input = 0.1
output = 25

[[prices]]
model = "claude-opus-4-6"
tier = "fast"
valid_from = 2026-07-01
above_input_tokens = 200_000
input = 4
output = 20
cache_read = 0
"""
JSON = """{"prices": [
    {"model": "claude-next-*", "input": 0.1, "output": 25},
    {"model": "claude-opus-4-6", "tier": "fast", "valid_from": "2026-07-01", "above_input_tokens": 200000, "input": 4, "output": 20, "cache_read": 0}
]}"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(("name", "text"), [("prices.toml", TOML), ("prices.json", JSON)])
def test_prices_are_read_from_toml_and_json(tmp_path: Path, name: str, text: str) -> None:
    first, second = read_file(written(tmp_path, name, text))

    assert first == OwnPrice(model="claude-next-*", input=0.1, output=25)
    assert (second.tier, second.valid_from, second.above_input_tokens, second.cache_read) == ("fast", date(2026, 7, 1), 200_000, 0)


def test_what_is_left_out_follows_from_the_price_of_input(tmp_path: Path) -> None:
    [first, _] = read_file(written(tmp_path, "prices.toml", TOML))

    assert first.usd == tuple(map(Decimal, ("0.1", "25", "0.125", "0.2", "0.01", "10")))


def test_without_a_file_there_are_none() -> None:
    assert read_file(None) == ()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", "[[prices]", "no valid prices"),
        ("a.json", "{", "no valid prices"),
        ("a.json", "[]", "no valid prices"),
        ("a.toml", '[[prices]]\nmodel = "x"\ninput = 1\n', "prices[0].output is required"),
        ("a.toml", '[[prices]]\nmodel = "x"\ninput = -1\noutput = 1\n', "prices[0].input must be a number, at least 0."),
        ("a.toml", '[[price]]\nmodel = "x"\ninput = 1\noutput = 1\n', "price is not known here"),
        ("a.toml", TOML + TOML, "two prices for claude-next-*"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(InvalidPrices) as refused:
        read_file(written(tmp_path, name, text))

    message = str(refused.value)
    assert says in message
    assert message.startswith(f"TRACKER_PRICES: {tmp_path / name} ")
    assert "\n" not in message
    assert message.endswith(".")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidPrices, match=r"gone.toml cannot be read: No such file or directory\."):
        read_file(tmp_path / "gone.toml")


def test_a_worker_does_not_start_with_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    environment = os.environ | {"TRACKER_PRICES": str(written(tmp_path, "prices.json", "{"))}

    started = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "services.worker.app", "worker", "--pool", "solo"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert started.returncode == 1
    assert started.stderr.strip().splitlines()[-1].startswith(f"TRACKER_PRICES: {tmp_path / 'prices.json'} has no valid prices: ")
