"""`python -m tests.bench.hook_costs`: what capture costs the person: a hook beside a shell that does nothing, the shipper's CPU and memory.

With `--sessions N`, also N sessions of the real Claude Code without hooks, with empty ones and with ours, in every state of server and disk.
"""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from client.capture.scripts import hook_script, ship_script
from client.connect.hook_events import hook_command, hooks_of, parse_version, shell_hook
from tests.bench.report import machine, percentile, table
from tests.faults.small_disk import small_disk
from tests.flow.claude_home import ClaudeHome, turn
from tests.real_client.claude_code import ClaudeHome as RealHome
from tests.real_client.messages_api import messages_api, say, use
from tests.skips import CLAUDE
from tests.unit.client.capture.capture_server import capture_server

CALLS = 200
EVENTS = 30
TOOL_CALLS = 10
# Three for each call; start, prompt, stop and end.
HOOKS = 3 * TOOL_CALLS + 4
SHELLS = (["dash"], ["bash", "--posix"], ["busybox", "ash"])
ROOT = Path(__file__).parents[2]


def main() -> int:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=0, help="of the real Claude Code, each way")
    parser.add_argument("--delay", type=float, default=2.0, help="seconds before each answer of the API")
    asked = parser.parse_args()
    print(f"{machine()}.\n")
    print(table(("a hook, ms: median (p95)", "sh -c :", "a shipper runs", "none runs", "100 KB", "spool full"), list(_hooks())))
    print("\n" + table(("the shipper", ""), list(_shipper())))
    if asked.sessions and CLAUDE:
        head = (f"a session of {TOOL_CALLS} tool calls", "without hooks", "ours add", "each hook", "each, beside a hook that does nothing")
        print("\n" + table(head, list(_sessions(asked.sessions, asked.delay))))
    return 0


def _hooks() -> Iterator[Sequence[str]]:
    named = {"session_id": "s", "hook_event_name": "PostToolUse", "tool_input": {"command": "x" * 300}}
    small, large = json.dumps(named).encode(), json.dumps(named | {"tool_response": "x" * 100_000}).encode()
    for shell in (shell for shell in SHELLS if shutil.which(shell[0])):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            (folder / "hook.sh").write_text(hook_script())
            (folder / "ship").write_text("#!/bin/sh\nexec sleep 30\n")
            (folder / "ship").chmod(0o755)
            hook = [*shell, str(folder / "hook.sh")]
            nothing = _called([*shell, "-c", ":"], small)
            _pretend_to_ship(folder)
            runs, big = _called(hook, small), _called(hook, large)
            (folder / "shipper.pid").unlink()
            starts = _called(hook, small)
            (folder / "full").touch()
            yield (shell[0], nothing, runs, starts, big, _called(hook, small))
            subprocess.run(["kill", (folder / "starting.pid").read_text().strip()], check=False)


def _pretend_to_ship(folder: Path) -> None:
    path = folder / "shipper.pid"
    path.write_text(f"{os.getpid()}\n")
    os.utime(path, (time.time() + 3600, time.time() + 3600))


def _called(command: list[str], payload: bytes) -> str:
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        subprocess.run(command, input=payload, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append((time.perf_counter() - began) * 1000)
    return f"{statistics.median(times):.2f} ({percentile(times, 0.95):.2f})"


def _shipper() -> Iterator[Sequence[str]]:
    with tempfile.TemporaryDirectory() as temporary, capture_server() as server:
        home = ClaudeHome(Path(temporary))
        transcript = home.transcript(1)
        environment = {"PATH": os.environ["PATH"], "HOME": temporary, "TRACKER_URL": server.url, "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        running = subprocess.Popen([sys.executable, "-P", "-m", "client", "ship", "--forever"], env=environment, stdin=subprocess.DEVNULL)
        try:
            while not server.reports:
                time.sleep(0.002)
            yield "start, to the first report", f"{time.perf_counter() - began:.2f} s"
            # The rules of redaction are compiled with the first secret that may be one.
            _act(home, transcript, 5)
            before, began = _cpu_seconds(running.pid), time.perf_counter()
            _act(home, transcript, EVENTS)
            share = (_cpu_seconds(running.pid) - before) / (time.perf_counter() - began)
            yield "while a session does something each second", f"{share:.2%} of a core"
            before = _cpu_seconds(running.pid)
            time.sleep(20)
            yield "while nothing happens", f"{(_cpu_seconds(running.pid) - before) / 20:.2%} of a core"
            yield (
                "memory, and at most",
                f"{_kilobytes(running.pid, 'VmRSS') / 1024:.0f} MB, {_kilobytes(running.pid, 'VmHWM') / 1024:.0f} MB",
            )
        finally:
            running.terminate()
            running.wait()


def _act(home: ClaudeHome, transcript: Path, seconds: int) -> None:
    """A hook and a line each second."""
    rows = [row for _ in range(seconds) for row in turn(transcript.stem)][:seconds]
    spool = home.path / ".claude-tracker/spool"
    spool.mkdir(parents=True, exist_ok=True)
    for number, row in enumerate(rows):
        with transcript.open("a") as file:
            file.write(json.dumps(row) + "\n")
        named = {"session_id": transcript.stem, "transcript_path": str(transcript), "hook_event_name": "Stop", "cwd": "/home/ann/shop"}
        (spool / f"1-{number}").write_text(json.dumps(named))
        time.sleep(1)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(pid: int, name: str) -> int:
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(name))


def _sessions(rounds: int, delay: float) -> Iterator[Sequence[str]]:
    for name, state in STATES.items():
        with tempfile.TemporaryDirectory() as temporary, messages_api() as api, ExitStack() as stack:
            home = RealHome(Path(temporary) / "home", api)
            home.prepare()
            folder = home.path / ".claude-tracker"
            folder.mkdir(mode=0o700)
            (folder / "hook.sh").write_text(hook_script())
            (folder / "ship").write_text(ship_script())
            (folder / "ship").chmod(0o700)
            home.environment["TRACKER_URL"] = stack.enter_context(state(folder))
            api.delay = delay
            plain = json.loads(home.settings_file.read_text())
            version = parse_version(subprocess.run([str(CLAUDE), "--version"], capture_output=True, text=True, check=True).stdout)
            ways = [
                plain,
                plain | {"hooks": hooks_of(shell_hook(":"), version)},
                plain | {"hooks": hooks_of(shell_hook(hook_command(folder / "hook.sh", None)), version)},
            ]
            seconds: list[list[float]] = [[], [], []]
            # The first of each is not counted. In turn, so that none is always the first.
            for number in range(rounds + 1):
                for way in (0, 1, 2) if number % 2 else (2, 1, 0):
                    home.settings_file.write_text(json.dumps(ways[way]))
                    turns = [[use("Bash", command=f"echo {call}", description="Say it")] for call in range(TOOL_CALLS)]
                    ran = home.run("Say ten things.", [*turns, [say("Said.")]])
                    if number:
                        seconds[way].append(ran.seconds)
            without = statistics.median(seconds[0])
            more, of_which = (
                statistics.median(one - other for one, other in zip(seconds[2], seconds[base], strict=True)) for base in (0, 1)
            )
            yield (
                name,
                f"{without:.2f} s",
                f"{more * 1000:+.0f} ms ({more / without:+.1%})",
                f"{more * 1000 / HOOKS:+.1f} ms",
                f"{of_which * 1000 / HOOKS:+.1f} ms",
            )
            _stop(folder)


def _stop(folder: Path) -> None:
    pid = folder / "shipper.pid"
    if pid.exists() and (number := pid.read_text().strip()):
        subprocess.run(["kill", number], check=False)


@contextmanager
def _there(_: Path) -> Iterator[str]:
    with capture_server() as server:
        yield server.url


@contextmanager
def _answers_500(_: Path) -> Iterator[str]:
    with capture_server() as server:
        server.failure = (500, {})
        yield server.url


@contextmanager
def _hangs(_: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


@contextmanager
def _away(_: Path) -> Iterator[str]:
    yield "http://127.0.0.1:9"


@contextmanager
def _disk_full(folder: Path) -> Iterator[str]:
    with capture_server() as server, small_disk(folder, 1) as disk:
        (folder / "spool").mkdir()
        disk.fill()
        yield server.url


STATES: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "server there": _there,
    "server away": _away,
    "server hangs": _hangs,
    "server answers 500": _answers_500,
    "disk full": _disk_full,
}


if __name__ == "__main__":
    raise SystemExit(main())
