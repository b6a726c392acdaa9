"""A proxy between the services and one of their servers: it makes the connections slow, silent, half closed or gone, when a test says so."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

from tests.faults.devices.wire import BOTH, Connection, Direction, Road, Trap

CHUNK_BYTES = 64 * 1024
CALL_SECONDS = 10.0


class Proxy:
    """Listens on a socket file, else on a `port` of loopback, and speaks to the server's socket file or port. Runs in a thread of its own."""

    def __init__(self, server_socket: Path | int, listen_on: Path | None = None) -> None:
        self.port = 0
        self._server_socket = server_socket
        self._listen_on = listen_on
        self._connections: set[Connection] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._traps: list[Trap] = []
        self._loop: asyncio.AbstractEventLoop
        self._thread: threading.Thread

    def start(self) -> None:
        """Returns when it listens."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(CALL_SECONDS)

    def stop(self) -> None:
        """Cuts all connections and ends the thread."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    def hold(self, *directions: Direction) -> None:
        """A black hole: nothing more goes in these directions, on old connections and new ones."""

        def close() -> None:
            for direction in directions:
                self._roads[direction].open.clear()

        self._call(close)

    def slow_down(self, seconds: float) -> None:
        """Every piece of data takes so long, there and back."""

        def slow() -> None:
            for road in self._roads.values():
                road.latency_seconds = seconds

        self._call(slow)

    def let_pass(self) -> None:
        """Everything goes again, what was held back first."""

        def clear() -> None:
            for road in self._roads.values():
                road.clear()

        self._call(clear)

    def reset(self) -> None:
        """Cuts the connections that there are."""
        self._call(lambda: self._each(Connection.reset))

    def sever(self) -> None:
        """Half-open: the server's ends of the connections that there are are gone, the clients are not told. New ones work."""
        self._call(lambda: self._each(Connection.sever))

    def half_close(self, direction: Direction) -> None:
        """Ends one direction of the connections that there are; the other goes on."""
        self._call(lambda: self._each(lambda connection: connection.end(direction)))

    def trap(self, pattern: bytes, *, on_answer: bool = False, connection: Connection | None = None) -> Trap:
        """Stops the first connection, or this one, that sends `pattern`; with `on_answer` when the server has answered it."""
        trap = Trap(pattern, on_answer=on_answer, connection=connection)
        self._call(lambda: self._traps.append(trap))
        return trap

    def release(self, trap: Trap, *, cut: bool = False) -> None:
        """Lets what the trap holds go on, or cuts it; and takes away a trap that has caught nothing."""

        def act() -> None:
            self._traps = [other for other in self._traps if other is not trap]
            if cut:
                trap.wait(0).reset()
            trap.released.set()

        self._call(act)

    def _each(self, act: Callable[[Connection], None]) -> None:
        for connection in list(self._connections):
            act(connection)

    def _call(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(CALL_SECONDS)

    async def _listen(self) -> None:
        self._roads: dict[Direction, Road] = {direction: Road() for direction in BOTH}
        for road in self._roads.values():
            road.clear()
        if self._listen_on is not None:
            self._listening = await asyncio.start_unix_server(self._accept, self._listen_on)
        else:
            self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = self._listening.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listening.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(from_client, to_client))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _to_server(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server_socket, int):
            return await asyncio.open_connection("127.0.0.1", self._server_socket)
        return await asyncio.open_unix_connection(self._server_socket)

    async def _serve(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await self._to_server()
        except OSError:
            to_client.transport.abort()
            return
        connection = Connection(to_client, to_server)
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._carry("requests", from_client, connection))
                directions.create_task(self._carry("answers", from_server, connection))
        except* OSError:
            # One of the ends is gone without a word; the other one is told below.
            pass
        finally:
            self._connections.discard(connection)
            connection.reset()

    async def _carry(self, direction: Direction, reader: asyncio.StreamReader, connection: Connection) -> None:
        road = self._roads[direction]
        while data := await reader.read(CHUNK_BYTES):
            if road.latency_seconds:
                await asyncio.sleep(road.latency_seconds)
            await road.open.wait()
            await self._spring(direction, data, connection)
            await connection.send(direction, data)
        await road.open.wait()
        connection.end(direction)

    async def _spring(self, direction: Direction, data: bytes, connection: Connection) -> None:
        """The trap that is set for this piece of data."""
        if direction == "answers":
            trap, connection.trap_on_answer = connection.trap_on_answer, None
            if trap is not None:
                await trap.hold(connection)
            return
        for trap in [trap for trap in self._traps if trap.matches(connection, data)]:
            self._traps.remove(trap)
            if trap.on_answer:
                connection.trap_on_answer = trap
            else:
                await trap.hold(connection)
