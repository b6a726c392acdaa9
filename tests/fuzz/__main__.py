"""`python -m tests.fuzz --seconds 600 --only NAME`: the targets one after another, each in a process of its own, and what came of each."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

NAMES: Final = (
    *("json", "event", "batch", "headers", "kind", "multipart"),
    *("transcript", "history", "claude-json", "sessions-index", "hook", "archive", "journal"),
    *("search", "cursor", "project-path", "redaction", "letter", "dates"),
)
RSS_LIMIT_MB: Final = 2048
# An input that takes longer is a finding too.
INPUT_SECONDS: Final = 10
_PROGRESS: Final = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)")


class Outcome(NamedTuple):
    """The result of one target. `coverage` counts the edges of our own code that were reached."""

    name: str
    executions: int
    coverage: int
    corpus: int
    is_broken: bool


def main() -> int:
    arguments = _arguments()
    names = arguments.only or NAMES
    outcomes = [_run(name, arguments.seconds, arguments.folder / name) for name in names]
    print(f"\n{'target':16}{'executions':>12}{'coverage':>10}{'corpus':>8}  outcome ({arguments.seconds} s each)")
    for outcome in outcomes:
        verdict = f"BROKEN, see {arguments.folder / outcome.name}" if outcome.is_broken else "holds"
        print(f"{outcome.name:16}{outcome.executions:>12,}{outcome.coverage:>10,}{outcome.corpus:>8,}  {verdict}")
    return int(any(outcome.is_broken for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of each target")
    parser.add_argument("--only", action="append", choices=NAMES, help="this target; may be said several times")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/tracker-fuzz"), help="of corpora, logs and what broke a target")
    return parser.parse_args()


def _run(name: str, seconds: int, folder: Path) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-rss_limit_mb={RSS_LIMIT_MB}", f"-timeout={INPUT_SECONDS}", "-print_final_stats=1"]
    log = folder / "log"
    print(f"{name}: {log}", flush=True)
    with log.open("wb") as output:
        command = [sys.executable, "-m", "tests.fuzz.one", name, str(folder), *options]
        ended = subprocess.run(command, stdout=output, stderr=output, env=os.environ, check=False)
    return _outcome(name, log.read_text(errors="replace"), is_broken=ended.returncode != 0)


def _outcome(name: str, log: str, *, is_broken: bool) -> Outcome:
    progress = _PROGRESS.findall(log)
    executions, coverage, _, corpus = map(int, progress[-1]) if progress else (0, 0, 0, 0)
    if counted := re.search(r"stat::number_of_executed_units:\s+(\d+)", log):
        executions = int(counted[1])
    return Outcome(name, executions, coverage, corpus, is_broken)


if __name__ == "__main__":
    sys.exit(main())
