"""The acknowledged events: a file that only grows and is fsynced before an event counts, so that it can be held against the database."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.clients.load import Request, Stored


class Acks:
    """The file at `path`: id, table and last fault before it, a line an event, as COPY reads it.

    Events that are acknowledged while one fsync runs go into the next one together.
    """

    def __init__(self, path: Path) -> None:
        self.fault = "none yet"
        self.path = path
        self.events_on_disk = 0
        self._file = path.open("ab")
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._wanted: tuple[float, asyncio.Future[Stored]] | None = None

    async def record(self, request: Request, sent_at: float) -> None:
        """Counts the request's events as acknowledged, once they are on the disk."""
        fault = self.fault
        lines = "".join(f"{stored.event_id}\t{stored.table}\t{fault}\n" for stored in request.events)
        on_disk: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((lines.encode(), on_disk))
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_until_idle())
        await on_disk
        self._tell(request.events[-1], sent_at)

    async def next_accepted(self, sent_after: float) -> Stored:
        """Waits for an event that was sent after this time of the event loop, and accepted."""
        accepted: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        self._wanted = sent_after, accepted
        return await accepted

    def close(self) -> None:
        """No more is recorded."""
        self._file.close()

    async def _write_until_idle(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                self._file.write(b"".join(lines for lines, _ in group))
                self._file.flush()
                await asyncio.to_thread(os.fsync, self._file.fileno())
                self.events_on_disk += sum(lines.count(b"\n") for lines, _ in group)
                for _, on_disk in group:
                    if not on_disk.done():
                        on_disk.set_result(None)
        finally:
            self._writer = None

    def _tell(self, stored: Stored, sent_at: float) -> None:
        if self._wanted is not None and sent_at > self._wanted[0] and not self._wanted[1].done():
            self._wanted[1].set_result(stored)


class TimedAcks(Acks):
    """Also knows when each event was first sent, and when its acceptance was seen."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.sent: dict[str, datetime] = {}
        self.accepted: dict[str, datetime] = {}

    async def record(self, request: Request, sent_at: float) -> None:
        now = datetime.now(UTC)
        waited = asyncio.get_running_loop().time() - sent_at
        for stored in request.events:
            self.accepted.setdefault(stored.event_id, now)
            # The clock of sending is another one; a millisecond is its error.
            self.sent.setdefault(stored.event_id, datetime.fromtimestamp(now.timestamp() - waited, UTC))
        await super().record(request, sent_at)
