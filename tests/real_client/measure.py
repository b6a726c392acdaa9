"""`python -m tests.real_client.measure [freshness] [ten] [outage]`: what live capture costs a session and how soon it is seen.

With the real client. It starts a stack of its own, connects homes by `tracker connect`, and prints what it measured. Nothing is asserted but that no
row is missing.
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.faults.product.stack import Stack
from tests.flow.conftest import REPOSITORY, TRACKER
from tests.flow.connect.shippers import shipper_of, stop_shipper
from tests.real_client.claude_code import ClaudeHome
from tests.real_client.messages_api import Turn, messages_api, say, use
from tests.real_client.scripted_session import scripted_session
from tests.skips import CLAUDE

PAIRS = 20
# Before each answer of the model. A real one takes longer.
ANSWER_SECONDS = 0.5
CALLS = 8
# The number of short sessions, two seconds each: the model answers soon, so that what the tracker costs is not lost in the waits for it.
TEN = 10
TENTH_SECONDS = 0.125
REST_SECONDS = 1.0
AWAY = "http://127.0.0.1:9"
SETTLE_SECONDS = 120
# Acts and their rows, by the clock of the client and by that of Postgres.
ARRIVALS = """
    SELECT extract(epoch FROM persisted_at - occurred_at) FROM {table} WHERE session_id IN ({sessions}) AND isfinite(occurred_at)"""
COUNTED = ("messages", "tool_calls", "activities", "api_calls")


def _select(stack: Stack, sql: str) -> list[tuple[Any, ...]]:
    with stack.database() as connection:
        return connection.execute(sql.encode()).fetchall()


def _listed(session_ids: list[str]) -> str:
    return ", ".join(f"'{each}'" for each in session_ids)


def turns(number: int = CALLS) -> list[Turn]:
    """Calls of a tool, one after the other, and an answer."""
    return [*([use("Bash", command=f"echo {n}", description="Say it")] for n in range(number)), [say("All said.")]]


class Person:
    """A home, connected or not, and what `tracker` says in it."""

    def __init__(self, folder: Path, api: Any, url: str) -> None:
        assert CLAUDE is not None
        self.home = ClaudeHome(folder, api)
        self.home.prepare()
        self.environment = {
            **self.home.claude_environment(),
            "PATH": f"{Path(CLAUDE).parent}{os.pathsep}{os.environ['PATH']}",
            "TRACKER_URL": url,
            "PYTHONPATH": str(REPOSITORY),
        }

    def tracker(self, *arguments: str) -> str:
        ended = subprocess.run(
            [*TRACKER, *arguments], env=self.environment, cwd=self.home.project, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


def quantiles(values: list[float]) -> str:
    values = sorted(values)
    return f"p50 {values[len(values) // 2]:.3f}, p99 {values[int(len(values) * 0.99)]:.3f}, max {values[-1]:.3f} (n={len(values)})"


def freshness(stack: Stack, person: Person) -> None:
    """How long after its act a row is stored: all of the scripted session."""
    memory = Sampled(person)
    with memory:
        scripted = scripted_session(person.home)
    ids = [each for each in (scripted.session_id, scripted.cleared_id, scripted.after_clear_id) if each]
    time.sleep(5)
    for table in COUNTED:
        rows = _select(stack, ARRIVALS.format(table=table, sessions=_listed(ids)))
        print(f"seconds from the act to its row, {table}: {quantiles([float(seconds) for (seconds,) in rows])}")
    print(f"the shipper meanwhile: {memory}")
    stop_shipper(person.home.capture)


class Sampled:
    """The most memory and the share of a core that the shipper takes."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._stop = threading.Event()
        self._most = 0
        self._ticks: dict[int, tuple[int, int]] = {}
        self._began = 0.0
        self._seconds = 0.0

    def __enter__(self) -> "Sampled":
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._seconds = time.monotonic() - self._began

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            pid = shipper_of(self._person.home.capture)
            if pid is None:
                continue
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            self._most = max(self._most, int(status.partition("VmRSS:")[2].split()[0]))
            ticks = int(stat[11]) + int(stat[12])
            self._ticks[pid] = (self._ticks.get(pid, (ticks, ticks))[0], ticks)

    def __str__(self) -> str:
        used = sum(last - first for first, last in self._ticks.values()) / os.sysconf("SC_CLK_TCK")
        return f"{self._most / 1024:.1f} MB at most, {used:.2f} s of CPU in {self._seconds:.0f} s ({100 * used / self._seconds:.2f} % of a core)"


def ten_calls(folder: Path, api: Any, stack: Stack) -> None:
    """Sessions of ten calls with everything on, in turn with sessions that know no tracker: the server away, and on the same processors.

    The order of each pair is that of the pair before, turned round. `nothing`: two homes without a tracker, which shows the noise.
    """
    api.delay = TENTH_SECONDS
    plain = [Person(folder / name, api, stack.url) for name in ("plain", "plain-too")]
    here, away = (connected(folder / each, api, stack.url, "--statusline") for each in ("here", "away"))
    leave_alone(away, stack.url)
    for person in (*plain, here, away):
        person.home.run("Warm up.", turns(1))
    for name, person in (("nothing", plain[1]), ("server away", away), ("tracker here", here)):
        compare(person, plain[0], name)


def leave_alone(person: Person, url: str) -> None:
    """From now on the server is away for this home: for its shipper and for Claude Code's telemetry."""
    stop_shipper(person.home.capture)
    for file in (person.home.capture / "config.json", person.home.settings_file):
        file.write_text(file.read_text().replace(url, AWAY))


def compare(person: Person, without: Person, name: str) -> None:
    ratios, took = [], {True: list[float](), False: list[float]()}
    for pair in range(PAIRS):
        seconds: dict[bool, float] = {}
        for is_connected in (True, False) if pair % 2 else (False, True):
            seconds[is_connected] = (person if is_connected else without).home.run("Say ten numbers.", turns(TEN)).seconds
            took[is_connected].append(seconds[is_connected])
            # The work that the shipper and the workers still have to do must not fall into the next session.
            time.sleep(REST_SECONDS)
        ratios.append(seconds[True] / seconds[False])
    ratios.sort()
    print(
        f"{name}: with {statistics.median(took[True]):.3f} s, without {statistics.median(took[False]):.3f} s; ratio of the medians"
        f" {statistics.median(took[True]) / statistics.median(took[False]):.3f}, of the pairs {statistics.median(ratios):.3f}"
        f" ({ratios[PAIRS // 4]:.3f} to {ratios[3 * PAIRS // 4]:.3f})",
        flush=True,
    )


def outage(stack: Stack, folder: Path, api: Any, minutes: float) -> None:
    """The server is away while sessions go on and the shipper is killed; then all of it is there once."""
    url = stack.url
    person = connected(folder / "outage", api, url, "--hooks", "all")
    config = person.home.capture / "config.json"
    whole = config.read_text()
    stop_shipper(person.home.capture)
    config.write_text(whole.replace(url, AWAY))
    until, kills, sessions, calls = time.monotonic() + minutes * 60, 0, [], 0
    choice = random.Random(5)
    while time.monotonic() < until:
        run = person.home.run("Say thirty numbers.", turns(30))
        sessions.append(run.session_id)
        calls += 30
        if choice.random() < 0.8 and shipper_of(person.home.capture) is not None:
            stop_shipper(person.home.capture, signal.SIGKILL)
            kills += 1
    stop_shipper(person.home.capture, signal.SIGKILL)
    config.write_text(whole)
    began = time.monotonic()
    while time.monotonic() - began < SETTLE_SECONDS:
        if shipper_of(person.home.capture) is None:
            person.tracker("ship", "--once")
        found = _select(stack, f"SELECT count(*) FROM tool_calls WHERE session_id IN ({_listed(sessions)}) AND status = 'success'")
        prompts = _select(stack, f"SELECT count(*) FROM messages WHERE session_id IN ({_listed(sessions)}) AND role = 'user'")
        if found[0][0] == calls and prompts[0][0] == len(sessions):
            break
        time.sleep(0.5)
    print(
        f"away for {minutes} min: {len(sessions)} sessions, {calls} calls ({calls * 4 / minutes / 60:.0f} hooks and records/s), {kills} kills of the shipper;"
        f" stored {found[0][0]} calls and {prompts[0][0]} prompts {time.monotonic() - began:.1f} s after the server was back"
    )
    assert found[0][0] == calls
    assert prompts[0][0] == len(sessions)


def connected(folder: Path, api: Any, url: str, *options: str) -> Person:
    person = Person(folder, api, url)
    person.tracker("connect", "--yes", "--no-import", *options)
    return person


def main(wanted: set[str], minutes: float = 2.0) -> None:
    print(f"load {os.getloadavg()[0]:.1f}")
    with ExitStack() as open_things:
        folder = Path(open_things.enter_context(tempfile.TemporaryDirectory(prefix="measure-", ignore_cleanup_errors=True)))
        stack = Stack(folder)
        stack.start()
        open_things.callback(stack.stop)
        api = open_things.enter_context(messages_api())
        if "freshness" in wanted:
            api.delay = ANSWER_SECONDS
            freshness(stack, connected(folder / "fresh", api, stack.url))
        if "ten" in wanted:
            ten_calls(folder / "ten", api, stack)
        if "outage" in wanted:
            api.delay = 0.0
            outage(stack, folder, api, minutes)


if __name__ == "__main__":
    main(set(sys.argv[1:]) or {"freshness", "ten", "outage"}, float(os.environ.get("MINUTES", "2")))
