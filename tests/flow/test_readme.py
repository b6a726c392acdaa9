"""Every call that the README shows works, and its answer has the fields that the README shows."""

from pathlib import Path

from tests.flow.conftest import Stack
from tests.flow.readme_calls import CALLS, check_calls


def test_the_readme_has_calls() -> None:
    assert len(CALLS) >= 12


def test_every_call_of_the_readme_answers_as_shown(stack: Stack, tmp_path: Path) -> None:
    check_calls(str(stack.http.base_url).removeprefix("http://").rstrip("/"), tmp_path)
