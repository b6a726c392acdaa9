"""`python -m tests.faults`: faults under load, many of them, then a count of every event. Exits 1 if a promise was broken."""

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from math import inf
from pathlib import Path
from random import SystemRandom

from tests.faults import campaign, checks
from tests.faults.kinds.catalogue import FAULTS
from tests.faults.plan import Plan
from tests.faults.product.stack import Stack
from tests.faults.table import table


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    plan = _plan(arguments)
    folder = Path(tempfile.mkdtemp(prefix="tracker-faults-"))
    print(f"Seed {plan.seed}; data and logs in {folder}", flush=True)
    violations = run(plan, folder)
    if violations:
        print(f"\n{len(violations)} violations. Data and logs are kept in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def run(plan: Plan, folder: Path) -> list[str]:
    """One campaign on a new stack in `folder`. Prints the table, gives the violations."""
    stack = Stack(folder, proxied=plan.needs_proxy)
    try:
        stack.start()
        outcome = asyncio.run(campaign.run(stack, plan, folder))
        since = time.monotonic()
        count = checks.check(stack, outcome.acks)
        print(f"Drained and counted in {time.monotonic() - since:.0f} s", flush=True)
    finally:
        exit_code = stack.stop()
    if exit_code != 0:
        count.violations.append(f"C6: the stack stopped with exit code {exit_code}")
    result = table(plan, outcome, count)
    (folder / "result.md").write_text(result + "\n")
    print(f"\n{result}", flush=True)
    return outcome.tally.violations + outcome.reading.violations + count.violations


def _plan(arguments: list[str] | None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000), help="the same seed, the same load and faults")
    parser.add_argument("--rounds", type=int, default=1, help="at least so many rounds of all faults")
    parser.add_argument("--minutes", type=float, default=0.0, help="at least for so long")
    parser.add_argument("--at-most-minutes", type=float, default=inf, help="but not longer")
    parser.add_argument("--kills", type=int, default=0, help="at least so many times something is killed with -9")
    parser.add_argument("--kill-weight", type=int, default=1, help="how many times as many kills in a round, against other faults")
    parser.add_argument("--rate", type=float, default=700, help="events per second")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a fault lasts at most")
    parser.add_argument("--overlap", type=float, default=0.15, help="the share of faults that come two at once")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {','.join(FAULTS)}; with - before it, all but those")
    options = vars(parser.parse_args(arguments))
    chosen = options.pop("faults")
    named = chosen.removeprefix("-").split(",")
    if unknown := set(named) - FAULTS.keys():
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    faults = [name for name in FAULTS if name not in named] if chosen.startswith("-") else named
    return Plan(faults=faults, **options)


if __name__ == "__main__":
    sys.exit(main())
