"""`python -m tests.bench.beside`: a folder of transcripts imported by this stack and, in turn, by another program.

The stack is a whole `make up` with fresh data. The folder is made of the sample transcripts (TRACKER_SAMPLES), copied with fresh ids until it is as
large as asked. A row tells when all was imported, when all of it could be searched, the CPU of all processes until then, the most memory (PSS) that they
had together, and the disk that their data takes. `--beside` is a command that reads ~/.claude and ends; its HOME is a folder of its own.
Nothing else should run on the machine.
"""

import argparse
import ctypes
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.bench import whole_stack
from tests.bench.import_archive import make_home, samples
from tests.bench.process_tree import cpu_seconds, descendants, pss_bytes
from tests.bench.report import machine, table
from tests.bench.whole_stack import bytes_in

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
        with whole_stack.started(code, home, data) as environment:
            time.sleep(3)
            with _sampled() as seen:
                before, begun = _cpu(), time.monotonic()
                whole_stack.import_home(code, environment)
                imported = time.monotonic() - begun, _cpu() - before
                whole_stack.await_searchable(environment)
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
