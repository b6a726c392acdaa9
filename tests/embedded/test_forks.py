"""A service that the supervisor forks is as one that it starts by `python -m`, but for the memory that they share."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.supervision import forks
from deploy.embedded.supervision.processes import Process, started_at, wait_until
from tests.skips import needs

pytestmark = needs("Linux")


def start(folder: Path, ending: str, **options: Any) -> Process:
    """A fork that writes what it finds to `folder`/found."""
    arguments = [str(folder / "found"), ending]
    return forks.start(
        "tests.embedded.forked", arguments, name="a-service", log_file=folder / "log", env={"ONLY": "this"}, cwd=REPOSITORY, **options
    )


def found(folder: Path) -> dict[str, Any]:
    assert wait_until((folder / "found").exists, 20), (folder / "log").read_text()
    return json.loads((folder / "found").read_text())  # type: ignore[no-any-return]


def test_a_fork_has_only_what_it_is_given(tmp_path: Path) -> None:
    # Given a process that handles a signal, and has two files open
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    reader, writer = os.pipe()
    try:
        process = start(tmp_path, "code", pass_fds=[writer])
        process.wait(20)
    finally:
        signal.signal(signal.SIGHUP, before)
        os.close(reader)
        os.close(writer)

    assert found(tmp_path) == {
        "environment": {"ONLY": "this"},
        "arguments": [str(tmp_path / "found"), "code"],
        "folder": str(REPOSITORY),
        "files": [0, 1, 2, writer],
        "leads_its_session": True,
        "name": "a-service",
        "caught_signals": [signal.SIGINT],
        "blocked_signals": [],
    }


def test_a_fork_that_gives_way_has_a_low_priority_and_its_parent_does_not(tmp_path: Path) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)

    process = start(tmp_path, "stay", gives_way=True)

    try:
        found(tmp_path)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == max(10, before)
        assert os.getpriority(os.PRIO_PROCESS, 0) == before
    finally:
        process.kill()
        process.wait(20)


@pytest.mark.parametrize(
    ("ending", "code", "said"), [("code", 3, ""), ("sentence", 1, "Something has to be corrected."), ("error", 1, "ValueError: a bug")]
)
def test_a_fork_ends_as_a_program_does_and_its_words_are_in_its_log(tmp_path: Path, ending: str, code: int, said: str) -> None:
    process = start(tmp_path, ending)

    assert process.wait(20) == process.poll() == code
    log = (tmp_path / "log").read_text()
    assert log.startswith("It runs.\n")
    assert said in log


def test_a_killed_fork_reports_the_signal(tmp_path: Path) -> None:
    process = start(tmp_path, "stay")
    found(tmp_path)
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)

    process.kill()

    assert process.wait(20) == -signal.SIGKILL
    # Its pid may be another's by now.
    process.send_signal(signal.SIGTERM)


def test_a_fork_dies_with_its_supervisor(tmp_path: Path) -> None:
    # Given a process that has forked a service
    code = f"from pathlib import Path; from tests.embedded.test_forks import *; print(start(Path({str(tmp_path)!r}), 'stay').pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        found(tmp_path)
        assert started_at(pid) is not None

        # When it is killed
        parent.kill()
    assert wait_until(lambda: started_at(pid) is None, 20)


def test_loaded_code_is_shared_and_no_thread_runs() -> None:
    # Given a process that has loaded the services' code, as the supervisor does
    code = """
import os, sys, threading
from pathlib import Path
from deploy.embedded.supervision import forks

def private_kilobytes():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))

forks.load(dict(os.environ))
assert "services.worker.tasks" in sys.modules and "celery.apps.worker" in sys.modules
assert len(os.listdir("/proc/self/task")) == threading.active_count() == 1
loaded = private_kilobytes()
if os.fork() == 0:
    print(private_kilobytes() * 10 < loaded, flush=True)
    os._exit(0)
os.wait()
"""

    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert said.stdout == "True\n", said.stderr


def test_the_rules_of_redaction_are_compiled_before_any_fork() -> None:
    # Given a process that has loaded the services' code, as the supervisor does
    code = """
import os
from deploy.embedded.supervision import forks
forks.load(dict(os.environ))
from shared.redaction import redacted_structs, compiled_patterns
print([each.cache_info().currsize for each in (compiled_patterns.rules, redacted_structs._in_json)])
"""

    said = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert said.stdout == "[1, 1]\n", said.stderr
