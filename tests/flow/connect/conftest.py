"""A person's folder that `tracker connect` changes, on a machine without the program `claude`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run
from tests.flow.connect.shippers import stop_shipper


@pytest.fixture
def settings(home: ClaudeHome) -> Path:
    path = home.path / ".claude/settings.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"model": "sonnet"}\n')
    return path


@pytest.fixture
def capture(home: ClaudeHome) -> Path:
    return home.path / ".claude-tracker"


@pytest.fixture
def no_shipper_stays(capture: Path) -> Iterator[None]:
    """It would run for a minute."""
    yield
    stop_shipper(capture)


def without_claude(environment: dict[str, str]) -> dict[str, str]:
    """The machine that runs the tests may have one."""
    return {"PATH": "/usr/bin:/bin", "TRACKER_URL": environment["TRACKER_URL"]}


@pytest.fixture
def run(tracker: Run, environment: dict[str, str]) -> Run:
    return lambda *arguments, **changes: tracker(*arguments, **without_claude(environment) | changes)
