"""Homes with the real Claude Code in them, for its tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import messages_api


@pytest.fixture
def claude_home(tmp_path: Path) -> Iterator[ClaudeHome]:
    """A prepared home, without hooks."""
    with messages_api() as api:
        home = ClaudeHome(tmp_path / "home", api)
        home.prepare()
        yield home
