"""The supervisor restarts dead processes, gives up on broken ones, stops in order, and leaves no process behind."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import started_at
from deploy.embedded.supervision.supervisor import end_leftovers

Eventually = Callable[[Callable[[], bool]], None]


class Run:
    """tests/embedded/supervised.py in a process of its own."""

    def __init__(self, folder: Path, *services: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.embedded.supervised", str(folder), *services],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pid(self, name: str) -> int:
        """The process that the service's pid file names; 0 without such a process."""
        file = self.folder / f"{name}.pid"
        return int(file.read_text().split()[0]) if file.exists() and file.read_text() else 0

    def wait_for(self, sentence: str) -> None:
        """Until the supervisor has said it."""
        assert self.process.stdout is not None
        assert any(sentence in line for line in self.process.stdout)

    def output(self) -> str:
        """All that it says until its end."""
        return self.process.communicate(timeout=60)[0]


@pytest.fixture
def run(folder: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*services: str) -> Run:
        runs.append(Run(folder, *services))
        return runs[-1]

    yield start
    for run in runs:
        run.process.kill()
        run.process.communicate()


def test_a_killed_child_is_restarted_and_reported(run: Callable[..., Run], eventually: Eventually) -> None:
    stack = run("steady")
    stack.wait_for("all ready")
    first = stack.pid("steady")
    processes.kill_group(first)
    stack.wait_for("steady was killed by signal 9; starting it again")
    stack.wait_for("steady runs again")
    assert stack.pid("steady") not in (0, first)


def test_grandchildren_of_a_dead_child_are_ended(run: Callable[..., Run], eventually: Eventually) -> None:
    stack = run("parent")
    stack.wait_for("all ready")
    grandchild = int((stack.folder / "grandchild").read_text())
    first = stack.pid("parent")
    subprocess.run(["kill", "-9", str(first)], check=True)
    eventually(lambda: started_at(grandchild) is None)


def test_a_child_that_never_gets_ready_stops_the_stack_and_names_its_log(run: Callable[..., Run]) -> None:
    stack = run("steady", "broken")
    output = stack.output()
    assert "broken ended with code 3, again and again" in output
    assert str(stack.folder / "broken.log") in output
    assert stack.process.returncode == 1
    assert not list(stack.folder.glob("*.pid"))


@pytest.mark.parametrize("spare", ["spare", "failing"])
def test_a_child_that_is_not_vital_dies_again_and_again_and_the_others_go_on(run: Callable[..., Run], spare: str) -> None:
    stack = run("steady", spare)

    for seconds in ("0.1", "0.2", "0.4", "0.8"):
        stack.wait_for(f"{spare} ended with code 3; all else goes on without it, and it is started again in {seconds} s")

    steady = stack.pid("steady")
    assert started_at(steady) is not None
    assert stack.process.poll() is None


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_children_in_order(run: Callable[..., Run], stop_signal: signal.Signals) -> None:
    stack = run("steady", "second")
    stack.wait_for("all ready")
    children = [stack.pid("steady"), stack.pid("second")]
    stack.process.send_signal(stop_signal)
    stack.output()
    assert stack.process.returncode == 0
    assert [started_at(child) for child in children] == [None, None]
    # supervised.py stops `second` first; each child writes its name when it ends.
    assert (stack.folder / "ended").read_text().split() == ["second", "steady"]


def test_a_second_signal_kills_a_stubborn_child(run: Callable[..., Run]) -> None:
    stack = run("stubborn")
    stack.wait_for("all ready")
    stack.process.send_signal(signal.SIGINT)
    stack.wait_for("stopping")
    stack.process.send_signal(signal.SIGINT)
    stack.output()
    assert stack.process.returncode == 0
    assert stack.pid("stubborn") == 0


def test_only_the_supervisor_receives_ctrl_c(run: Callable[..., Run]) -> None:
    """A terminal sends SIGINT to its foreground group: the children are not in it, so that only the supervisor decides."""
    stack = run("steady")
    stack.wait_for("all ready")
    groups = {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[2] for pid in (stack.process.pid, stack.pid("steady"))}
    assert len(groups) == 2


def test_children_die_with_a_killed_supervisor(run: Callable[..., Run], eventually: Eventually) -> None:
    stack = run("steady", "stubborn")
    stack.wait_for("all ready")
    children = [stack.pid("steady"), stack.pid("stubborn")]
    stack.process.kill()
    eventually(lambda: [started_at(child) for child in children] == [None, None])


def test_leftovers_of_a_crashed_run_are_ended_and_unrelated_processes_are_not(folder: Path, eventually: Eventually) -> None:
    """Given pid files of a process of ours and of a stranger who has got a dead one's pid, when a new run begins, then only ours ends."""
    ours, stranger = (processes.spawn(["sleep", "60"], log_file=folder / "log") for _ in range(2))
    (folder / "ours.pid").write_text(f"{ours.pid} {started_at(ours.pid)}\n")
    (folder / "stranger.pid").write_text(f"{stranger.pid} 12345\n")
    (folder / "torn.pid").write_text("")
    end_leftovers(list(folder.glob("*.pid")))
    assert ours.wait(60) == -signal.SIGKILL
    assert stranger.poll() is None
    assert not list(folder.glob("*.pid"))
    stranger.kill()
    stranger.wait()
