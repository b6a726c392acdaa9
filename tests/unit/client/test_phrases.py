"""Parts of sentences: counted things, and the command's own name."""

from pathlib import Path

import pytest

from client.phrases import command
from shared.quantities import counted, plural


def test_one_thing_is_in_the_singular() -> None:
    assert [counted(count, "message") for count in (0, 1, 1772)] == ["0 messages", "1 message", "1,772 messages"]
    assert (plural(1, "is", "are"), plural(2, "is", "are")) == ("is", "are")


def test_the_command_is_named_as_it_was_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "track it"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.delenv("TRACKER_COMMAND", raising=False)
    assert command() == "tracker"
    monkeypatch.setenv("TRACKER_COMMAND", str(script))
    assert command() == f"'{script}'"
    # A shell finds it by its name alone.
    monkeypatch.setenv("TRACKER_COMMAND", str(script.rename(tmp_path / "track")))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert command() == "track"
