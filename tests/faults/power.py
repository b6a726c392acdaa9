"""`python -m tests.faults.power`: F30. The power is cut while events come in, many times; what was acknowledged before must be there.

Every second cut comes while nothing is drained, so that the journal is the only copy. The last one is the control: Redis is told not to
fsync, and then something must be missing, or this proves nothing.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

from tests.faults import checks
from tests.faults.clients.acks import Acks
from tests.faults.clients.writers import Tally, writing
from tests.faults.devices.cut_disk import CutDisk, cut_disk, mounted, what_is_missing
from tests.faults.product.stack import Stack
from tests.faults.product.victims import children_of, pid_of, send

CONTROL = "control: no fsync, nothing drained"
# With the drain suspended, so that there is something in the journal.
SUSPENDED_SECONDS = 2.0


@dataclass(frozen=True)
class Cut:
    """The disk as it was, and how many events had been acknowledged just before."""

    kind: str
    image: Path
    acknowledged: int


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit code 1 if something acknowledged is missing, or if nothing is missing in the control; 2 if it cannot be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.power", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cuts", type=int, default=6)
    parser.add_argument("--rate", type=float, default=500, help="events per second")
    options = parser.parse_args(arguments)
    if (reason := what_is_missing()) is not None:
        print(f"The power cannot be cut on this machine: {reason}.")
        return 2
    # On the way to the sockets a short path.
    with tempfile.TemporaryDirectory(prefix="power-") as folder, cut_disk(Path(folder)) as disk:
        return _run(Path(folder), disk, options)


def _run(work: Path, disk: CutDisk, options: argparse.Namespace) -> int:
    stack, acks = Stack(disk.folder), Acks(work / "acknowledged")
    try:
        stack.start()
        cuts = asyncio.run(_cut_under_load(stack, disk, acks, options))
    finally:
        stack.stop()
        acks.close()
    print(
        f"Seed {options.seed}\n\n| cut | while | acknowledged before | lost | double | drift |\n|---:|---|---:|---:|---:|---:|", flush=True
    )
    is_kept = True
    for number, cut in enumerate(cuts, 1):
        count = _count(work, cut, acks.path)
        lost, double, drift = count.lost.total(), count.double.total(), sum(count.drift.values())
        print(f"| {number} | {cut.kind} | {cut.acknowledged:,} | {lost} | {double} | {drift} |", flush=True)
        if (cut.kind == CONTROL) != bool(lost) or double or drift:
            is_kept = False
            print(*count.violations, sep="\n")
    return 0 if is_kept else 1


async def _cut_under_load(stack: Stack, disk: CutDisk, acks: Acks, options: argparse.Namespace) -> list[Cut]:
    rng, cuts = Random(options.seed), []
    async with writing(stack.port, acks, Tally(), seed=options.seed, rate=options.rate):
        for number in range(options.cuts):
            await asyncio.sleep(rng.uniform(1, 4))
            if number % 2 == 0:
                cuts.append(await _cut(disk, acks, "events come in", number))
            else:
                cuts.append(await _cut_undrained(stack, disk, acks, "nothing is drained", number))
        with stack.redis() as redis:
            redis.config_set("appendfsync", "no")
            cuts.append(await _cut_undrained(stack, disk, acks, CONTROL, options.cuts))
            redis.config_set("appendfsync", "always")
    return cuts


async def _cut_undrained(stack: Stack, disk: CutDisk, acks: Acks, kind: str, number: int) -> Cut:
    worker = pid_of(stack, "worker-drain")
    drainers = [worker, *children_of(worker)]
    send(drainers, signal.SIGSTOP)
    try:
        await asyncio.sleep(SUSPENDED_SECONDS)
        return await _cut(disk, acks, kind, number)
    finally:
        send(drainers, signal.SIGCONT)


async def _cut(disk: CutDisk, acks: Acks, kind: str, number: int) -> Cut:
    acknowledged = acks.events_on_disk
    return Cut(kind, await asyncio.to_thread(disk.cut, f"cut-{number}"), acknowledged)


def _count(work: Path, cut: Cut, all_acks: Path) -> checks.Count:
    """Starts the product on what the cut has left, and counts."""
    before = work / "acknowledged-before"
    with all_acks.open("rb") as source, before.open("wb") as target:
        target.writelines(islice(source, cut.acknowledged))
    with mounted(cut.image, work / "after") as folder:
        stack = Stack(folder)
        try:
            stack.start()
            return checks.check(stack, Acks(before))
        finally:
            stack.stop()


if __name__ == "__main__":
    sys.exit(main())
