"""The commands that `make backup`, `make restore` and refusals print work as printed, for any data folder."""

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.embedded.control import status
from deploy.embedded.paths import REPOSITORY, Paths, make_command
from tests.embedded.whole_stack import Eventually, Stack


def test_printed_commands_omit_the_default_folder() -> None:
    assert make_command("up", Path(".tracker")) == f"make up{'' if Path.cwd() == REPOSITORY else ' TRACKER_DATA_DIR=.tracker'}"
    assert make_command("up", REPOSITORY / ".tracker") == "make up"
    assert make_command("up", REPOSITORY / "other") == "make up TRACKER_DATA_DIR=other"
    assert make_command("down", Path("/srv/my data")) == "make down TRACKER_DATA_DIR='/srv/my data'"


def test_a_stack_that_does_not_run_names_both_remedies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = Paths(folder / "data")
    paths.make()
    assert status(paths) == 1
    said = capsys.readouterr().out
    assert settings_in(said, "up") == {"TRACKER_DATA_DIR": str(paths.data_dir)}
    assert "or name its folder with TRACKER_DATA_DIR=…" in said


def test_the_printed_commands_restore_and_start_a_backup(make_stack: Callable[..., Stack], eventually: Eventually, folder: Path) -> None:
    # Given a backup of a stack whose data is not in the default folder
    stack = make_stack(flower=False)
    stack.up()
    eventually(stack.is_ready)
    start = {"session_id": "s", "project_path": "/home/ann/app", "start_time": "2026-05-01T12:00:00Z"}
    assert stack.call("/api/sessions/start", start) is not None
    message = {"session_id": "s", "role": "user", "content": "kept", "timestamp": "2026-05-01T12:01:00Z"}
    assert stack.call("/api/conversations", message) is not None
    eventually(lambda: stack.messages() == 1)
    # It has an index of sessions, which no backup needs
    eventually(lambda: any(stack.paths.search.rglob("meta.json")))
    copy = folder / "a copy"
    said = run(stack, "backup", str(copy))
    printed = settings_in(said, "restore")
    assert printed["FROM"] == str(copy)
    assert not any("search" in path.parts or path.name in ("meta.json", "state.json") for path in copy.rglob("*"))

    # When a restore into the folder in use is refused, and the printed command is run
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run(stack, "restore", str(copy))
    assert settings_in(refused.value.stderr, "down") == {"TRACKER_DATA_DIR": str(stack.paths.data_dir)}
    assert f"`mv {stack.paths.data_dir} {stack.paths.data_dir}.old`" in refused.value.stderr
    elsewhere = Path(printed["TRACKER_DATA_DIR"])
    assert elsewhere != stack.paths.data_dir
    assert not elsewhere.exists()
    said = run(stack, "restore", printed["FROM"], TRACKER_DATA_DIR=str(elsewhere))
    stack.control("down")
    assert stack.process is not None
    stack.process.communicate(timeout=60)

    # Then the printed commands name that one, and a start on it has the data
    assert settings_in(said, "verify") == {"TRACKER_DATA_DIR": str(elsewhere)}
    stack.env |= settings_in(said, "up")
    stack.up()
    eventually(stack.is_ready)
    assert stack.messages() == 1
    # And it makes its index of sessions anew
    restored = Paths(elsewhere)
    eventually(lambda: any(restored.search.rglob("meta.json")))


def run(stack: Stack, module: str, *arguments: str, **env: str) -> str:
    """The output of `python -m deploy.embedded.backups.<module>`."""
    command = [sys.executable, "-m", f"deploy.embedded.backups.{module}", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=stack.env | env, capture_output=True, text=True, check=True, timeout=120).stdout


def settings_in(said: str, target: str) -> dict[str, str]:
    """The settings of the command `make <target> …` in a text."""
    [command] = re.findall(rf"make {target}( [^`\n]*)", said)
    return dict(word.split("=", 1) for word in shlex.split(command))
