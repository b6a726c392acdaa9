"""A run: the load, and into it one fault after the other, some of them two at once."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import psycopg

from tests.faults.clients.acks import Acks
from tests.faults.clients.load import Stored
from tests.faults.clients.readers import Reading, reading
from tests.faults.clients.transcripts import importing
from tests.faults.clients.writers import RECOVERY_SECONDS, Tally, writing
from tests.faults.kinds.scene import Scene
from tests.faults.pace import wait_until
from tests.faults.plan import TOGETHER, Plan, Strike, strikes
from tests.faults.product.stack import Stack


@dataclass
class Outcome:
    """The events of the campaign, but for their count.

    `recoveries`: seconds by fault, from the moment when it was taken away. `kills`: with -9.
    """

    recoveries: dict[str, list[float]]
    acks: Acks
    tally: Tally = field(default_factory=Tally)
    reading: Reading = field(default_factory=Reading)
    notes: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    load_seconds: float = 0.0


async def run(stack: Stack, plan: Plan, folder: Path) -> Outcome:
    """From the first event to the last answer."""
    outcome = Outcome({name: [] for name in (*plan.faults, TOGETHER)}, Acks(folder / "acknowledged"))
    started = time.monotonic()
    try:
        async with (
            reading(stack.port, outcome.acks, outcome.reading),
            importing(stack.port, outcome.tally.answers, seed=plan.seed),
            writing(stack.port, outcome.acks, outcome.tally, seed=plan.seed, rate=plan.rate),
        ):
            if not await _is_flowing(stack, outcome.acks, asyncio.get_running_loop().time()):
                raise RuntimeError("No event was stored before the first fault.")
            for number, strike in zip(count(1), strikes(plan), strict=False):
                outcome.load_seconds = time.monotonic() - started
                if _is_over(plan, strike, outcome):
                    break
                await asyncio.sleep(strike.pause_seconds)
                if not await _strike(stack, plan, strike, number, outcome):
                    break
                seconds = outcome.recoveries[strike.name][-1]
                print(f"{outcome.load_seconds:6.0f} s {number:4} {strike.title:40} recovered in {seconds:.1f} s", flush=True)
            outcome.load_seconds = time.monotonic() - started
    finally:
        outcome.acks.close()
    return outcome


def _is_over(plan: Plan, strike: Strike, outcome: Outcome) -> bool:
    is_enough = strike.round > plan.rounds and outcome.load_seconds >= plan.minutes * 60 and outcome.kills >= plan.kills
    return is_enough or outcome.load_seconds >= plan.at_most_minutes * 60


async def _strike(stack: Stack, plan: Plan, strike: Strike, number: int, outcome: Outcome) -> bool:
    """Until the product has recovered. False if it does not."""
    outcome.acks.fault = strike.name
    outcome.reading.is_api_struck = any({"api", "everything"} & set(fault.touches) for fault in strike.faults)
    scenes = [Scene(stack, Random(f"{plan.seed}/{number}/{fault.name}"), plan.seconds * fault.stretch) for fault in strike.faults]
    ends = await asyncio.gather(
        *(asyncio.to_thread(fault.happen, scene) for fault, scene in zip(strike.faults, scenes, strict=True)), return_exceptions=True
    )
    outcome.kills += strike.kills
    outcome.faults.update(fault.name for fault in strike.faults)
    outcome.notes += [f"{strike.title}: {note}" for scene in scenes for note in scene.notes]
    outcome.tally.violations += [problem for scene in scenes for problem in scene.problems]
    if errors := [end for end in ends if isinstance(end, BaseException)]:
        outcome.tally.violations.append(f"C6: {strike.title}: {errors[0]!r}")
        return False
    healing_since = asyncio.get_running_loop().time()
    if not await _is_flowing(stack, outcome.acks, healing_since):
        outcome.tally.violations.append(f"C6: no new event was accepted and stored within {RECOVERY_SECONDS:.0f} s of: {strike.title}")
        return False
    outcome.recoveries[strike.name].append(asyncio.get_running_loop().time() - healing_since)
    outcome.reading.is_api_struck = False
    return True


async def _is_flowing(stack: Stack, acks: Acks, sent_after: float) -> bool:
    """Returns as soon as an event that was sent after this time is accepted and in its table; false if that takes too long."""
    accepted = asyncio.ensure_future(acks.next_accepted(sent_after))
    if not await asyncio.to_thread(wait_until, accepted.done, RECOVERY_SECONDS):
        accepted.cancel()
        return False
    return await asyncio.to_thread(wait_until, lambda: _is_stored(stack, accepted.result()), RECOVERY_SECONDS)


def _is_stored(stack: Stack, stored: Stored) -> bool:
    try:
        with stack.database() as connection:
            return connection.execute(f"SELECT FROM {stored.table} WHERE id = %s".encode(), [stored.event_id]).rowcount == 1
    except psycopg.OperationalError:
        return False
