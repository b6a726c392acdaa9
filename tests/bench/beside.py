"""`python -m tests.bench.beside`: a folder of transcripts imported by this stack and, in turn, by another program.

The stack is a whole `make up` with fresh data. The folder is made of the sample transcripts (TRACKER_SAMPLES), copied with fresh ids until it is as
large as asked. A row tells when all was imported, when all of it could be searched, the CPU of all processes until then, the most memory (PSS) that they
had together, and the disk that their data takes. `--beside` is a command that reads ~/.claude and ends; its HOME is a folder of its own.
Nothing else should run on the machine.
"""

import argparse
import ctypes
import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.import_archive import make_home, samples
from tests.bench.process_tree import cpu_seconds, descendants, pss_bytes
from tests.bench.report import machine, table
from tests.searchable import SEARCH, is_searchable

_READY_SECONDS = 180
_SEARCHABLE_SECONDS = 1_200


@contextmanager
def started(code: Path, home: Path, data: Path) -> Iterator[Mapping[str, str]]:
    """The stack of a checkout. Gives the environment of its commands, whose transcripts are those of `home`. At the end the data is deleted."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = os.environ | {"TRACKER_PORT": str(port), "TRACKER_DATA_DIR": str(data), "TRACKER_FLOWER_PORT": "off", "HOME": str(home)}
    environment["TRACKER_URL"] = f"http://127.0.0.1:{port}"
    with (home.parent / "stack.log").open("ab") as output:
        stack = subprocess.Popen(
            [code / ".venv/bin/python", "-m", "deploy.embedded"],
            cwd=code,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _await(lambda: _get(environment, "/readyz") is not None, _READY_SECONDS)
        yield environment
    finally:
        stack.send_signal(signal.SIGTERM)
        stack.wait(90)
        shutil.rmtree(data, ignore_errors=True)


def import_home(code: Path, environment: Mapping[str, str]) -> None:
    """Returns when everything is stored."""
    command = [code / ".venv/bin/python", "-P", "-m", "client", "import", "--quiet"]
    done = subprocess.run(command, cwd=code, env={**environment, "PYTHONPATH": str(code)}, check=False)
    if done.returncode not in (0, 2):
        raise RuntimeError(f"the import ended with {done.returncode}")


def await_searchable(environment: Mapping[str, str]) -> None:
    """Returns when everything can be found."""
    _await(lambda: (answer := _get(environment, SEARCH)) is not None and is_searchable(answer), _SEARCHABLE_SECONDS)


def bytes_in(folder: Path) -> int:
    """The size of its files on the disk. A file that goes meanwhile takes nothing."""
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            found = path.lstat()
            size += found.st_blocks * 512 if stat.S_ISREG(found.st_mode) else 0
    return size


def _get(environment: Mapping[str, str], path: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(environment["TRACKER_URL"] + path, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, ValueError):
        return None


def _await(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.5)


HEAD = (
    "round",
    "program",
    "imported",
    "CPU then",
    "searchable",
    "CPU then",
    "of it search",
    "peak memory",
    "disk",
    "of it search",
    "of it WAL",
)
_PR_SET_CHILD_SUBREAPER = 36
_WRITER = b"services.query.search_index"
REPOSITORY = Path(__file__).parents[2]


class Told(NamedTuple):
    """Seconds, seconds of CPU, bytes."""

    imported_seconds: float
    imported_cpu: float
    searchable_seconds: float
    searchable_cpu: float
    # Seconds of the writers of search indexes.
    search_cpu: float
    peak_bytes: int
    disk_bytes: int
    search_bytes: int
    wal_bytes: int


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.beside")
    parser.add_argument("--megabytes", type=int, default=683)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--code", type=Path, action="append", help="a checkout to measure, instead of this one; more than one are measured in turn"
    )
    parser.add_argument("--beside", help="a command that imports ~/.claude and ends, such as 'agentsview sync'")
    options = parser.parse_args()
    # Processes whose parent has ended become children of this one, so that their CPU is counted.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    folder = Path(tempfile.mkdtemp(prefix="tracker-beside-"))
    folder.chmod(0o755)
    rows = []
    try:
        written = make_home(samples(), folder / "home", options.megabytes * 1_000_000)
        print(
            f"{written / 1e6:,.0f} MB of transcripts in {sum(1 for _ in (folder / 'home').rglob('*.jsonl')):,} files. {machine()}\n",
            flush=True,
        )
        for number in range(1, options.rounds + 1):
            for code in options.code or [REPOSITORY]:
                rows.append((str(number), code.name, *_shown(_ours(code, folder / "home", folder / "data"))))
                print(rows[-1], flush=True)
            if options.beside:
                rows.append(
                    (str(number), shlex.split(options.beside)[0].rpartition("/")[2], *_shown(_theirs(options.beside, folder / "home")))
                )
                print(rows[-1], flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(HEAD, rows))
    return 0


def _shown(told: Told) -> list[str]:
    seconds = [f"{each:.1f} s" for each in told[:5]]
    return [*seconds, *(f"{each / 1e6:,.0f} MB" for each in told[5:])]


def _ours(code: Path, home: Path, data: Path) -> Told:
    try:
        with started(code, home, data) as environment:
            time.sleep(3)
            with _sampled() as seen:
                before, begun = _cpu(), time.monotonic()
                import_home(code, environment)
                imported = time.monotonic() - begun, _cpu() - before
                await_searchable(environment)
                searchable = time.monotonic() - begun, _cpu() - before
                search_cpu = _search_cpu()
            wal = sum(map(bytes_in, data.rglob("pg_wal")))
            return Told(*imported, *searchable, search_cpu, seen.peak_bytes, bytes_in(data), bytes_in(data / "search"), wal)
    finally:
        _reap()


def _theirs(command: str, home: Path) -> Told:
    own = home.parent / "theirs"
    own.mkdir()
    (own / ".claude").symlink_to(home / ".claude")
    environment = os.environ | {"HOME": str(own), "AGENTSVIEW_NO_DAEMON": "1"}
    with _sampled() as seen:
        before, started = _cpu(), time.monotonic()
        subprocess.run(shlex.split(command), env=environment, stdout=subprocess.DEVNULL, check=True)
        imported = time.monotonic() - started, _cpu() - before
    (own / ".claude").unlink()
    told = Told(*imported, *imported, 0, seen.peak_bytes, bytes_in(own), 0, 0)
    shutil.rmtree(own)
    _reap()
    return told


def _cpu() -> float:
    """Seconds that all descendants have used so far: the living, what they have waited for, and what this process has."""
    ended = os.times()
    return ended.children_user + ended.children_system + sum(map(cpu_seconds, descendants(os.getpid())))


def _search_cpu() -> float:
    """Seconds of the writers that run. One that has nothing to do ends after half a minute."""
    return sum(cpu_seconds(pid) for pid in descendants(os.getpid()) if _WRITER in _command(pid))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


@dataclass
class _Seen:
    peak_bytes: int = 0


@contextmanager
def _sampled() -> Iterator[_Seen]:
    """The most PSS that all descendants had together, looked at each second."""
    seen, ended = _Seen(), threading.Event()

    def look() -> None:
        while not ended.wait(1):
            seen.peak_bytes = max(seen.peak_bytes, sum(map(pss_bytes, descendants(os.getpid()))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(main())
