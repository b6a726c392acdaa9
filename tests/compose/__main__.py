"""`make compose-test`: the containers as a team runs them, from their build to the last one's end. Exits 1 if a promise was broken."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import psycopg

from deploy.containers import compose
from tests.compose import backups, counting, dashboard, following, growing, hardening, images, importing, kills, outside, upgrading
from tests.compose.load import Load
from tests.compose.stack import Composed

LOG_LINES = "60"
SEEN_CHARACTERS = 600
MOST_OF_WHY = 1_500

BROKEN = (AssertionError, RuntimeError, compose.ContainersError, psycopg.Error, subprocess.TimeoutExpired, httpx.HTTPError)


@dataclass
class Report:
    """A row a step: name, seconds, what was seen. `broken`: the steps whose promise was not kept, and why."""

    rows: list[tuple[str, float, str]] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)

    def step(self, name: str, act: Callable[[], str]) -> None:
        """Does it, and notes how it went. A broken promise is noted too: what comes after it is tried all the same."""
        print(f"… {name}", flush=True)
        since = time.monotonic()
        try:
            seen = act()
        except BROKEN as error:
            seen = self.broken[name] = f"BROKEN {type(error).__name__}: {error}"
        self.rows.append((name, time.monotonic() - since, seen))
        print(f"  {time.monotonic() - since:5.1f} s  {seen}", flush=True)

    def first_step(self, name: str, act: Callable[[], str]) -> None:
        """One without which there is no other."""
        self.step(name, act)
        if self.broken:
            raise SystemExit(f"Without `{name}` there is nothing to be tested.")

    def table(self) -> str:
        """In Markdown."""
        lines = ["| step | seconds | seen |", "|---|---:|---|"]
        lines += [
            f"| {name} | {seconds:.1f} | {' '.join(seen.split()).replace('|', '/')[:SEEN_CHARACTERS]} |"
            for name, seconds, seen in self.rows
        ]
        lines.append(f"| all | {sum(seconds for _, seconds, _ in self.rows):.1f} | broken: {', '.join(self.broken) or 'none'} |")
        return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--port", type=int, help="of the gateway; a free one if it is not said")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="tracker-compose-") as name, stopping_in_order():
        folder, project = Path(name), f"trackertest{os.getpid()}"
        stack = Composed(project, folder, images.PREVIOUS, options.port)
        restored = Composed(f"{project}restored", folder, images.TAG)
        try:
            _all(stack, restored, folder, options.seed, report)
        finally:
            if report.broken or sys.exc_info()[0]:
                _show_logs(stack, restored)
            for one in (stack, restored):
                one.down("--volumes", "--timeout", "10")
            images.remove()
            print(f"\n{report.table()}", flush=True)
            # Last of all, since somebody may see the end of a long output only.
            for step, why in report.broken.items():
                print(f"{step}: {why[-MOST_OF_WHY:]}", flush=True)
    return int(bool(report.broken))


def _all(stack: Composed, restored: Composed, folder: Path, seed: int, report: Report) -> None:
    backup = folder / "backup"
    report.first_step("build", images.build)
    report.first_step("build the previous images", images.build_previous)
    report.first_step("up with the previous images, until /readyz", lambda: _up(stack))
    with Load(stack, folder / "acknowledged", seed) as load:
        load.await_flow()
        report.step("upgrade under load", lambda: upgrading.upgrade(stack, load))
        report.step("import, its worker killed", lambda: importing.import_archive(stack))
        # Before the kills: after them a pooled connection may be dead, and the request that finds it is refused once.
        report.step("backup under load", lambda: backups.back_up(stack, load, backup))
        report.step("kill each container under load", lambda: kills.kill_each(stack, load))
        report.step("restart each under load", lambda: kills.restart_each(stack, load))
        report.step("4 drain workers under load", lambda: growing.scale(stack, load))
    report.step("count", lambda: counting.count(stack, load))
    report.step("hardening", lambda: hardening.check(stack))
    report.step("Flower", lambda: hardening.check_flower(stack))
    report.step("down and up", lambda: counting.keep(stack))
    report.step("documented calls at the gateway", lambda: outside.documented_calls(stack, folder))
    report.step("the gateway itself", lambda: outside.gateway(stack))
    report.step("a job of each kind", lambda: following.every_kind(stack))
    report.step("no error in any log", lambda: following.no_errors(stack))
    report.step("contract at the gateway", lambda: outside.contract(stack))
    report.step("stop each", lambda: kills.stop_each(stack))
    report.step("restore into an empty stack", lambda: backups.restore_elsewhere(restored, load, backup))
    report.step("the dashboard behind the gateway, with keys", lambda: dashboard.check(restored))


def _up(stack: Composed) -> str:
    stack.up()
    return f"{len(compose.containers())} containers run"


@contextlib.contextmanager
def stopping_in_order() -> Iterator[None]:
    """SIGTERM, as Ctrl-C, ends it by an exception, so that what was started is taken down."""
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit("Stopped by SIGTERM."))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_logs(*stacks: Composed) -> None:
    """The last lines of each container."""
    for stack in stacks:
        stack.use()
        for one in compose.containers(also_stopped=True):
            print(f"\n--- {one['Name']} ({one['State']} {one['ExitCode']}, {one.get('Health')})", flush=True)
            subprocess.run(["docker", "logs", "--tail", LOG_LINES, one["ID"]], stderr=subprocess.STDOUT, check=False)


if __name__ == "__main__":
    sys.exit(main())
