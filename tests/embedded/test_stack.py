"""`make up` as a whole: it serves, refuses a second stack, restarts dead processes, stops, and keeps the data."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from deploy.embedded.paths import REPOSITORY
from deploy.embedded.preflight import KEYS_UNUSED
from deploy.embedded.supervision import processes
from deploy.embedded.supervision.processes import started_at
from tests.embedded.whole_stack import Eventually, Stack, free_port


def test_the_stack_serves_refuses_a_second_one_and_restarts_dead_processes(
    make_stack: Callable[..., Stack], eventually: Eventually, folder: Path
) -> None:
    stack = make_stack(flower=True)
    banner = stack.up()

    # The banner says where everything is.
    for place in (f"http://127.0.0.1:{stack.port}/docs", f"http://127.0.0.1:{stack.flower_port}", str(stack.paths.data_dir), "make down"):
        assert place in banner
    eventually(stack.is_ready)
    processes_listed = stack.control("status")
    for name in ("supervisor", "postgres", "redis", "api", "worker-drain", "worker-background", "beat", "flower"):
        assert name in processes_listed

    # A second stack on the same data, or on the same port, is refused, and the first does not feel it.
    assert "already running" in stack.refusal()
    other = str(folder / "other")
    assert f"Port {stack.port} on 127.0.0.1 is in use" in stack.refusal(TRACKER_DATA_DIR=other, TRACKER_FLOWER_PORT="off")
    assert f"Port {stack.flower_port} for Flower is in use" in stack.refusal(TRACKER_DATA_DIR=other, TRACKER_PORT=str(free_port()))

    # A killed process comes back.
    before = stack.pids()
    for pid in (*children_of(before["worker-drain"]), *children_of(before["worker-background"]), *before.values()):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: stack.is_ready() and all(stack.pids().get(name) not in (None, pid) for name, pid in before.items()))
    assert stack.call("/api/sessions/start", {"project_path": "/home/ada/engine", "session_id": "s1"}) is not None
    assert stack.call("/api/conversations", {"session_id": "s1", "role": "user", "content": "Hello"}) is not None
    eventually(lambda: stack.messages() == 1)

    assert "Stopped" in stack.control("down")


def test_without_flower_the_start_says_how_to_have_it(make_stack: Callable[..., Stack]) -> None:
    # Given a stack that was not asked for Flower, started as by `make up`
    stack = make_stack(flower=False)
    del stack.env["TRACKER_FLOWER_PORT"]

    said = stack.up()

    # Then neither the terminal nor the dashboard leads to one
    assert "Flower   off   (with it: make up FLOWER=1" in said
    assert "flower" not in stack.control("status")
    assert stack.call("/api/me")["flower"] is None
    stop(stack)


def test_the_start_says_who_has_access(make_stack: Callable[..., Stack]) -> None:
    # Given an open stack without keys, in which a key is made
    stack = make_stack(flower=False)
    said = stack.up()
    assert "Access   open: everyone on this machine can read everything" in said
    assert KEYS_UNUSED not in said
    argv = [sys.executable, "-m", "deploy.embedded.control", "run", "deploy.keys", "create", "--scope", "admin"]
    subprocess.run(argv, cwd=REPOSITORY, env=stack.env, capture_output=True, check=True)
    stop(stack)

    # Then an open start warns, and a start with keys does not
    said = stack.up()
    assert KEYS_UNUSED in said
    stop(stack)
    stack.env |= {"TRACKER_ACCESS": "keys"}
    said = stack.up()
    assert "Access   keys\n" in said
    assert KEYS_UNUSED not in said
    stop(stack)


def stop(stack: Stack) -> None:
    stack.control("down")
    assert stack.process is not None
    stack.process.communicate(timeout=60)


def test_a_crash_leaves_no_process_and_the_next_start_has_the_data(make_stack: Callable[..., Stack], eventually: Eventually) -> None:
    stack = make_stack(flower=False)
    stack.up()
    assert stack.call("/api/sessions/start", {"project_path": "/home/ada/engine", "session_id": "s1"}) is not None
    assert stack.call("/api/conversations", {"session_id": "s1", "role": "user", "content": "Hello"}) is not None
    eventually(lambda: stack.messages() == 1)

    # The supervisor is killed: everything dies with it, the workers' pool processes too.
    assert stack.process is not None
    pids = stack.pids()
    pool = children_of(pids["worker-drain"]) + children_of(pids["worker-background"])
    # One of each, and more while they are needed.
    assert len(pool) >= 2
    stack.process.kill()
    stack.process.communicate()
    eventually(lambda: not any(started_at(pid) for pid in (*pids.values(), *pool)) and not processes.working_in(stack.paths.postgres))

    # The next start finds the data, and SIGTERM stops it cleanly.
    stack.up()
    assert stack.messages() == 1
    pids = stack.pids()
    stack.process.terminate()
    said, _ = stack.process.communicate(timeout=60)
    assert stack.process.returncode == 0
    assert "nothing is left running" in said
    assert not any(started_at(pid) for pid in pids.values())
    assert not processes.working_in(stack.paths.postgres)


def children_of(pid: int) -> list[int]:
    """Pids of the children that a process' main thread has forked."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
