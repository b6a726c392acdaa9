"""`python -m tests.faults`: kills the product's processes under load, many times, then counts. Exits 1 if a promise was broken."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.faults import campaign, checks
from tests.faults.campaign import Plan
from tests.faults.kills import FAULTS
from tests.faults.stack import Stack
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
    stack = Stack(folder)
    try:
        stack.start()
        outcome = asyncio.run(campaign.run(stack, plan, folder))
        count = checks.check(stack, list(outcome.acks.read()), outcome.kills)
    finally:
        exit_code = stack.stop()
    if exit_code != 0:
        count.violations.append(f"C6: the stack stopped with exit code {exit_code}")
    result = table(plan, outcome, count)
    (folder / "result.md").write_text(result + "\n")
    print(f"\n{result}", flush=True)
    return outcome.tally.violations + count.violations


def _plan(arguments: list[str] | None) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=SystemRandom().randrange(1_000_000), help="the same seed, the same load and plan of faults"
    )
    parser.add_argument("--kills-each", type=int, default=10, help="how often each is killed")
    parser.add_argument("--rate", type=float, default=500, help="events per second")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {','.join(FAULTS)}")
    parser.add_argument("--quick", action="store_true", help="two kills each")
    options = parser.parse_args(arguments)
    faults = options.faults.split(",")
    if unknown := set(faults) - FAULTS.keys():
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    return Plan(options.seed, faults, 2 if options.quick else options.kills_each, options.rate, 0.5 if options.quick else 1.5)


if __name__ == "__main__":
    sys.exit(main())
