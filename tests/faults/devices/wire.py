"""A proxy's knowledge of the connections that go through it, and the traps that stop one at a chosen moment."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["requests", "answers"]
BOTH: tuple[Direction, Direction] = ("requests", "answers")


@dataclass
class Road:
    """One direction of all connections. Data that is held back is not lost: it goes on when the road is open, as TCP's repeats would."""

    latency_seconds: float = 0.0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def clear(self) -> None:
        """Everything goes, and at once."""
        self.latency_seconds = 0.0
        self.open.set()


class Connection:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._writers: dict[Direction, asyncio.StreamWriter] = {"requests": server, "answers": client}
        self._ended: set[Direction] = set()
        self.trap_on_answer: Trap | None = None

    async def send(self, direction: Direction, data: bytes) -> None:
        """Passes data on; to an end that is closed it goes nowhere."""
        if direction not in self._ended:
            self._writers[direction].write(data)
            await self._writers[direction].drain()

    def end(self, direction: Direction) -> None:
        """Half-closes: nothing more will come this way, and its reader is told so."""
        if direction not in self._ended:
            self._ended.add(direction)
            self._writers[direction].write_eof()

    def reset(self) -> None:
        """Both ends are cut; what was under way is lost."""
        for writer in self._writers.values():
            writer.transport.abort()

    def sever(self) -> None:
        """The server's end is gone and the client is not notified: to it the connection is silent for ever."""
        self._ended.update(BOTH)
        self._writers["requests"].transport.abort()


class Trap:
    """Stops one connection at the moment when its client sends certain bytes: before the server has them, or before its answer goes back."""

    def __init__(self, pattern: bytes, *, on_answer: bool, connection: Connection | None) -> None:
        self.on_answer = on_answer
        self.released = asyncio.Event()
        self._pattern = pattern
        self._connection = connection
        self._caught = threading.Event()

    def wait(self, seconds: float = 30.0) -> Connection:
        """The connection that is stopped. TimeoutError if none came."""
        if not self._caught.wait(seconds) or self._connection is None:
            raise TimeoutError(f"Nobody sent {self._pattern!r} within {seconds:.0f} s.")
        return self._connection

    def matches(self, connection: Connection, data: bytes) -> bool:
        """Whether this is what it is set for."""
        return self._pattern in data and self._connection in (None, connection)

    async def hold(self, connection: Connection) -> None:
        """Says that it is caught, and keeps the connection until it is released."""
        self._connection = connection
        self._caught.set()
        await self.released.wait()
