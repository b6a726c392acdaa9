"""Load on the gateway while other things happen: the writers of tests/faults, in a thread of their own."""

import asyncio
import threading
import time
from collections import Counter
from pathlib import Path
from types import TracebackType

import psycopg

from tests.compose.stack import Composed
from tests.faults.clients.acks import TimedAcks
from tests.faults.clients.load import Request, Stored
from tests.faults.clients.readers import Reading, reading
from tests.faults.clients.writers import Tally, writing
from tests.faults.pace import wait_until

EVENTS_PER_SECOND = 60.0
# A container starts in seconds where there is time for it; a machine with two cores and much to do needs longer.
RECOVERY_SECONDS = 120.0


class Load:
    """Writers and readers, as long as the context lasts. Each acknowledged event is on the disk, in `acks`, before it counts."""

    def __init__(self, stack: Composed, file: Path, seed: int) -> None:
        self.acks = TimedAcks(file)
        self.tally = Tally()
        self.reads = Reading()
        self._stack = stack
        self._seed = seed
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._error: BaseException | None = None

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop.close()
        self.acks.close()
        if self._error is not None and error is None:
            raise self._error

    def fault(self, name: str) -> None:
        """Everything acknowledged from now on is acknowledged after it."""
        self.acks.fault = name
        self.reads.is_api_struck = True

    def await_flow(self) -> float:
        """Seconds until an event that is sent from now on is accepted and in its table. RuntimeError if that takes too long."""
        since = time.monotonic()
        waiting = asyncio.run_coroutine_threadsafe(self.acks.next_accepted(self._loop.time()), self._loop)
        if not wait_until(waiting.done, RECOVERY_SECONDS):
            waiting.cancel()
            raise RuntimeError(f"No event was accepted within {RECOVERY_SECONDS:.0f} s of: {self.acks.fault}")
        if not wait_until(lambda: self._is_stored(waiting.result()), RECOVERY_SECONDS):
            raise RuntimeError(f"No event was stored within {RECOVERY_SECONDS:.0f} s of: {self.acks.fault}")
        return time.monotonic() - since

    def acknowledge(self, request: Request) -> None:
        """One that somebody else sent was accepted: it counts too."""
        asyncio.run_coroutine_threadsafe(self.acks.record(request, self._loop.time()), self._loop)

    def answers(self) -> str:
        """How often each was given to writers."""
        given: Counter[str] = self.tally.answers
        return ", ".join(f"{name} {number:,}" for name, number in sorted(given.items()))

    def _is_stored(self, stored: Stored) -> bool:
        try:
            with self._stack.database() as connection:
                return connection.execute(f"SELECT FROM {stored.table} WHERE id = %s".encode(), [stored.event_id]).rowcount == 1
        except psycopg.OperationalError:
            return False

    async def _run(self) -> None:
        port = self._stack.port
        try:
            async with (
                reading(port, self.acks, self.reads),
                writing(port, self.acks, self.tally, seed=self._seed, rate=EVENTS_PER_SECOND),
            ):
                await self._stopping.wait()
        except Exception as error:  # noqa: BLE001 - told to who ends the load
            self._error = error
