"""`make compose-test`: the containers as a team runs them, from their build to the last one's end. Exits 1 if a promise was broken."""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from deploy.containers import compose
from tests.compose import kills
from tests.compose.load import Load
from tests.compose.stack import Composed
from tests.faults.checks import count_events

TAG = "compose-test"
LOG_LINES = "60"


@dataclass
class Report:
    """A row a step: name, seconds, what was seen."""

    rows: list[tuple[str, float, str]] = field(default_factory=list)

    def step(self, name: str, act: Callable[[], str]) -> None:
        """Does it, and notes how it went."""
        print(f"… {name}", flush=True)
        since = time.monotonic()
        seen = act()
        self.rows.append((name, time.monotonic() - since, seen))
        print(f"  {time.monotonic() - since:5.1f} s  {seen}", flush=True)

    def table(self) -> str:
        """In Markdown."""
        lines = ["| step | seconds | seen |", "|---|---:|---|"]
        lines += [f"| {name} | {seconds:.1f} | {seen} |" for name, seconds, seen in self.rows]
        lines.append(f"| all | {sum(seconds for _, seconds, _ in self.rows):.1f} | |")
        return "\n".join(lines)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--port", type=int, help="of the gateway; a free one if it is not said")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="tracker-compose-") as folder:
        stack = Composed(f"trackertest{os.getpid()}", Path(folder), TAG, options.port)
        try:
            _all(stack, Path(folder), options.seed, report)
        except BaseException:
            _show_logs(stack)
            raise
        finally:
            stack.down("--volumes", "--timeout", "10")
            print(f"\n{report.table()}", flush=True)
    return 0


def _all(stack: Composed, folder: Path, seed: int, report: Report) -> None:
    report.step("build", _build)
    report.step("up, until /readyz", lambda: _up(stack))
    with Load(stack, folder / "acknowledged", seed) as load:
        load.await_flow()
        report.step("kill each container under load", lambda: kills.kill_each(stack, load))
        report.step("restart each under load", lambda: kills.restart_each(stack, load))
    report.step("count", lambda: _count(stack, load))


def _build() -> str:
    compose.run("build")
    return ", ".join(_sizes())


def _sizes() -> list[str]:
    listed = compose.docker("image", "ls", "--filter", f"reference=claude-code-tracker-*:{TAG}", "--format", "{{.Repository}} {{.Size}}")
    return [line.removeprefix("claude-code-tracker-") for line in sorted(listed.splitlines())]


def _up(stack: Composed) -> str:
    stack.up()
    return f"{len(compose.containers())} containers"


def _count(stack: Composed, load: Load) -> str:
    count = count_events(stack, load.acks)
    if violations := load.tally.violations + load.reads.violations + count.violations:
        raise RuntimeError("; ".join(violations))
    return (
        f"{count.accepted.total():,} accepted, {count.lost.total()} lost, {count.double.total()} double, "
        f"drift {sum(count.drift.values())}; {count.imports}; answers: {load.answers()}"
    )


def _show_logs(stack: Composed) -> None:
    stack.use()
    with contextlib.suppress(compose.ContainersError):
        print(compose.run("ps", "--all"))
    for one in compose.containers(also_stopped=True):
        print(f"\n--- {one['Name']} ({one['State']}, {one.get('Health')})", flush=True)
        subprocess.run(["docker", "logs", "--tail", LOG_LINES, one["ID"]], stderr=subprocess.STDOUT, check=False)


if __name__ == "__main__":
    sys.exit(main())
