"""`tracker doctor` names each step that is broken, and its cure."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client.capture.lock import running_shipper
from tests.flow.client.claude_home import ClaudeHome
from tests.flow.conftest import Run, Stack
from tests.flow.connect.shippers import stop_shipper
from tests.skips import needs

pytestmark = [pytest.mark.usefixtures("no_shipper_stays"), needs("the embedded servers")]

DAY = 86_400
Break = Callable[[ClaudeHome, Path], Any]


@pytest.fixture
def connected(run: Run, settings: Path, capture: Path) -> Path:
    """The folder of a machine that is connected."""
    done = run("connect", "--yes", "--no-import")
    assert done.returncode == 0, done.stderr
    return capture


def steps_of(run: Run, *arguments: str, **changes: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = run("doctor", "--json", "--wait", "1", *arguments, **changes)
    answer = json.loads(done.stdout)
    assert answer["is_well"] == (done.returncode == 0)
    return done.returncode, {step["step"]: step for step in answer["steps"]}


def test_every_step_works_on_a_connected_machine(run: Run, connected: Path, stack: Stack) -> None:
    sessions = stack.select("SELECT count(*) FROM sessions")
    done = run("doctor")
    # The test event is nobody's session.
    assert stack.select("SELECT count(*) FROM sessions") == sessions
    *steps, conclusion = done.stdout.splitlines()
    # Where there is no `claude`, that is the one step to look at.
    looks = [step for step in steps if step.startswith("! ")]
    assert {step.partition(":")[0] for step in looks} <= {"! Claude Code"}, done.stdout
    assert (done.returncode, conclusion) == (0, "No step failed; 1 step marked with ! needs a look." if looks else "All steps work."), (
        done.stdout
    )


def _old_transcript(home: ClaudeHome, _: Path) -> None:
    path = home.transcript()
    # It has not been sent: the shipper may not look at this folder's project.
    os.utime(path, (time.time() - 29 * DAY, time.time() - 29 * DAY))


def _set(name: str, value: Any) -> Break:
    def change(home: ClaudeHome, _: Path) -> None:
        path = home.path / ".claude/settings.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))

    return change


def _full(_: ClaudeHome, folder: Path) -> None:
    _send_no_more(folder)
    (folder / "full").touch()


def _waiting_for_long(_: ClaudeHome, folder: Path) -> None:
    _send_no_more(folder)
    (folder / "spool/1-0").write_text('{"hook_event_name": "Stop"}')
    os.utime(folder / "spool/1-0", (time.time() - 600, time.time() - 600))


def _send_no_more(folder: Path) -> None:
    """Stops the shipper, and nothing can start another one."""
    _stop_shipper(folder)
    (folder / "ship").write_text("#!/bin/sh\nexit 1\n")


def _stop_shipper(folder: Path) -> None:
    stop_shipper(folder)
    until = time.monotonic() + 60
    while running_shipper(folder) is not None:
        assert time.monotonic() < until
        time.sleep(0.02)


BROKEN: dict[str, tuple[Break, str, str]] = {
    "hooks removed": (_set("hooks", {}), "Hooks installed", "Run `tracker connect`."),
    "hooks switched off": (_set("disableAllHooks", True), "Hooks allowed", "Remove `disableAllHooks` from it, and try again."),
    "settings broken": (
        lambda home, _: (home.path / ".claude/settings.json").write_text("{"),
        "Hooks installed",
        "Claude Code ignores the whole file. Nothing was changed; repair it, and try again.",
    ),
    "script changed": (lambda _, folder: (folder / "hook.sh").write_text("exit 0\n"), "Hooks installed", "Run `tracker connect`."),
    "script speaks": (lambda _, folder: (folder / "hook.sh").write_text("echo hello\n"), "Hook runs", "Run `tracker connect`."),
    "script gone": (lambda _, folder: (folder / "hook.sh").unlink(), "Hook runs", "Run `tracker connect`."),
    "configuration gone": (lambda _, folder: (folder / "config.json").unlink(), "Configuration", "Run `tracker connect`."),
    "checkout moved": (
        lambda _, folder: (folder / "ship").write_text('[ -x /gone/tracker ] && exec /gone/tracker ship "$@"\n'),
        "tracker",
        "Run `tracker connect` where `tracker` is now.",
    ),
    "spool waits": (_waiting_for_long, "Spool", "Look at the shipper and the server below; what waits is sent when they work."),
    "spool full": (_full, "Spool", "See the next steps for what keeps it from being sent."),
    "transcripts about to go": (_old_transcript, "Transcripts", "Run `tracker ship --once`, or `tracker import`."),
}


@pytest.mark.parametrize(("breaking", "step", "cure"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_step_is_named_with_its_cure(
    run: Run,
    home: ClaudeHome,
    connected: Path,
    breaking: Break,
    step: str,
    cure: str,
) -> None:
    breaking(home, connected)

    code, steps = steps_of(run)

    assert (code, steps[step]["status"], steps[step]["cure"]) == (1, "failed", cure), steps


def test_a_key_that_the_server_refuses_is_named(run: Run, connected: Path) -> None:
    code, steps = steps_of(run, "--token", "cct_nonsense")
    assert (code, steps["API key"]["status"], steps["Round trip"]["status"]) == (1, "failed", "skipped")
    assert steps["API key"]["cure"].startswith("Make a new one")


def test_a_key_that_may_only_read_is_named(run: Run, connected: Path, stack: Stack) -> None:
    key = stack.http.post("/api/keys", json={"name": "dashboard", "scopes": ["read"]}).json()["key"]
    code, steps = steps_of(run, "--token", key)
    assert (code, steps["API key"]["status"]) == (1, "failed")
    assert steps["API key"]["cure"] == "Make one with the scope `ingest`, and `tracker connect --token KEY`."


def test_without_a_server_the_steps_behind_it_are_skipped(run: Run, connected: Path) -> None:
    code, steps = steps_of(run, "--url", "http://127.0.0.1:9")
    assert (code, steps["Server"]["status"], steps["Round trip"]["status"]) == (1, "failed", "skipped")
    assert steps["Hook runs"]["status"] == "ok"


def test_a_machine_that_was_never_connected_is_told_so(run: Run, settings: Path) -> None:
    code, steps = steps_of(run)
    assert code == 1
    for step in ("Hooks installed", "Configuration", "tracker", "Hook runs"):
        assert (steps[step]["status"], steps[step]["cure"]) == ("failed", "Run `tracker connect`.")
