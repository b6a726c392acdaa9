"""Times and shares are written by one rule, here and in the dashboard. The cases of both are in tests/quantities.json."""

import json
from pathlib import Path

import pytest

from shared import quantities

CASES = json.loads((Path(__file__).parents[2] / "quantities.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("name", "value", "text"), [(name, *case) for name, cases in CASES.items() for case in cases])
def test_quantity_is_rounded_once_from_the_exact_value(name: str, value: float | None, text: str) -> None:
    assert getattr(quantities, name)(value) == text
