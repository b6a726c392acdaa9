"""A run: the load, and into it the faults one after the other, in an order and at moments that the seed decides."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from deploy.embedded.processes import wait_until
from tests.faults.acks import Acks
from tests.faults.client import NO_ANSWER, Client
from tests.faults.kills import FAULTS, Fault
from tests.faults.load import Stored
from tests.faults.stack import Stack
from tests.faults.writers import Tally, writing

RECOVERY_SECONDS = 60.0
PULSE_SECONDS = 0.1


@dataclass(frozen=True)
class Plan:
    """What is to be done. `rate` is in events per second."""

    seed: int
    faults: Sequence[str]
    kills_each: int
    rate: float
    # The longest time between a recovery and the next kill, and for which what was killed is kept down.
    pause_seconds: float = 1.5
    down_seconds: float = 2.0


@dataclass
class Outcome:
    """What happened, but for the count of the events.

    `recoveries`: seconds by fault, without the time it was kept down. `kills`: by service, as the supervisor must have seen them.
    """

    recoveries: dict[str, list[float]]
    acks: Acks
    tally: Tally = field(default_factory=Tally)
    kills: Counter[str] = field(default_factory=Counter)
    pulses_ms: list[float] = field(default_factory=list)
    load_seconds: float = 0.0


async def run(stack: Stack, plan: Plan, folder: Path) -> Outcome:
    """From the first event to the last answer."""
    rng = Random(plan.seed)
    outcome = Outcome({name: [] for name in plan.faults}, Acks(folder / "acknowledged"))
    faults = [FAULTS[name] for name in plan.faults for _ in range(plan.kills_each)]
    rng.shuffle(faults)
    pulse = asyncio.create_task(_feel_pulse(stack, outcome))
    started = time.monotonic()
    try:
        async with writing(stack.port, outcome.acks, outcome.tally, seed=plan.seed, rate=plan.rate):
            if not await _is_flowing(stack, outcome.acks, asyncio.get_running_loop().time()):
                raise RuntimeError("No event was stored before the first fault.")
            for number, fault in enumerate(faults, 1):
                await asyncio.sleep(rng.uniform(0, plan.pause_seconds))
                outcome.load_seconds = time.monotonic() - started
                if not await _strike(stack, fault, rng, plan, outcome):
                    break
                print(f"{number:3}/{len(faults)} {fault.name:12} recovered in {outcome.recoveries[fault.name][-1]:.1f} s", flush=True)
            outcome.load_seconds = time.monotonic() - started
    finally:
        pulse.cancel()
        await asyncio.wait([pulse])
        outcome.acks.close()
    return outcome


async def _strike(stack: Stack, fault: Fault, rng: Random, plan: Plan, outcome: Outcome) -> bool:
    """One fault, until the product has recovered. False if it does not."""
    down_seconds = rng.choice((0.0, rng.uniform(0, plan.down_seconds))) if fault.service else 0.0
    if down_seconds:
        stack.hold_healing()
    try:
        outcome.acks.fault = fault.name
        await asyncio.to_thread(fault.kill, stack, rng)
        killed_at = asyncio.get_running_loop().time()
        await asyncio.sleep(down_seconds)
    finally:
        stack.let_heal()
    outcome.kills[fault.service or ""] += 1
    healing_since = asyncio.get_running_loop().time()
    if not await _is_flowing(stack, outcome.acks, killed_at):
        outcome.tally.violations.append(f"C6: no new event was accepted and stored within {RECOVERY_SECONDS:.0f} s of: {fault.name}")
        return False
    outcome.recoveries[fault.name].append(asyncio.get_running_loop().time() - healing_since)
    return True


async def _is_flowing(stack: Stack, acks: Acks, sent_after: float) -> bool:
    """Returns as soon as an event that was sent after this time is accepted and in its table; false if that takes too long."""
    try:
        stored = await asyncio.wait_for(acks.next_accepted(sent_after), RECOVERY_SECONDS)
    except TimeoutError:
        return False
    return await asyncio.to_thread(wait_until, lambda: _is_stored(stack, stored), RECOVERY_SECONDS)


def _is_stored(stack: Stack, stored: Stored) -> bool:
    try:
        with stack.database() as connection:
            return connection.execute(f"SELECT FROM {stored.table} WHERE id = %s".encode(), [stored.event_id]).rowcount == 1
    except psycopg.OperationalError:
        return False


async def _feel_pulse(stack: Stack, outcome: Outcome) -> None:
    """Asks /healthz again and again: whatever Redis or Postgres do, the API's event loop must not stand still."""
    client = Client(stack.port)
    try:
        while True:
            await _beat(client, outcome)
            await asyncio.sleep(PULSE_SECONDS)
    finally:
        client.close()


async def _beat(client: Client, outcome: Outcome) -> None:
    asked, fault = time.monotonic(), outcome.acks.fault
    try:
        await client.get("/healthz")
    except NO_ANSWER:
        # Its process was killed.
        return
    if "api" not in (fault, outcome.acks.fault):
        outcome.pulses_ms.append((time.monotonic() - asked) * 1000)
