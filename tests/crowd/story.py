"""The crowd before the product as `make up` runs it; and every so often the workers stand still, so that those who wait become many."""

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import uvloop

from tests.bench.report import milliseconds, percentile, table
from tests.crowd.wire import Answer, Connection
from tests.faults.product.stack import Stack

FORM_BEGIN: Final = b'--crowd\r\nContent-Disposition: form-data; name="file"; filename="claude.json"\r\n\r\n{"projects": {}, "x": "'
FORM_END: Final = b'"}\r\n--crowd--\r\n'
FORM: Final = {"Content_Type": "multipart/form-data; boundary=crowd", "Prefer": "respond-async"}
PIECES_A_SECOND: Final = 4
STEADY_BYTES_A_SECOND, SLOW_BYTES_A_SECOND = 24 * 1024, 1024
UPLOAD_SECONDS: Final = 12
# As many distinct sessions as writers; this is the one that everybody knows of.
SESSION: Final = "crowd"
READS: Final = (
    "/api/projects", "/api/sessions?limit=20", f"/api/sessions/{SESSION}", f"/api/conversations?session_id={SESSION}&limit=20",
    f"/api/tool-calls/session/{SESSION}?limit=20", "/api/import/jobs?limit=10",
)  # fmt: skip


@dataclass
class Notes:
    """The answers that the crowd got: by kind of client, how often what, and after how many seconds."""

    outcomes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def note(self, kind: str, outcome: str, began: float) -> None:
        """One request."""
        self.outcomes[kind][outcome] += 1
        self.seconds[kind].append(time.perf_counter() - began)


@dataclass(frozen=True)
class Scene:
    """Where the crowd is, and until when. `rng` is seeded: each run pauses and reads alike."""

    port: int
    notes: Notes
    job_id: UUID
    until: float
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    @property
    def is_over(self) -> bool:
        return time.perf_counter() >= self.until

    async def pause(self, seconds: float) -> None:
        """About as long, so that the clients do not march in step; never past the end by much."""
        await asyncio.sleep(min(seconds * self.rng.uniform(0.5, 1.5), max(self.until - time.perf_counter(), 0)))


Ask = Callable[[Connection, int], Awaitable[Answer]]


async def _ask_on(scene: Scene, kind: str, ask: Ask, pause: float) -> None:
    await scene.pause(pause)
    with closing(Connection(scene.port)) as connection:
        for number in itertools.count():
            if scene.is_over:
                break
            began = time.perf_counter()
            try:
                outcome = (await ask(connection, number)).outcome
            except OSError as error:
                outcome = f"no answer ({type(error).__name__})"
            scene.notes.note(kind, outcome, began)
            await scene.pause(pause)


async def writer(scene: Scene) -> None:
    """Starts a session now and then, and writes into it, with a key every other time."""
    session_id = str(uuid4())

    async def ask(connection: Connection, number: int) -> Answer:
        if number % 20 == 0:
            body = {"session_id": session_id, "project_path": "/home/me/crowd"}
            return await connection.ask("POST", "/api/sessions/start", body)
        key = {"Idempotency_Key": str(uuid4())} if number % 2 else {}
        body = {"session_id": session_id, "content": f"message {number}", "role": "user", "id": str(uuid4())}
        return await connection.ask("POST", "/api/conversations", body, **key)

    await _ask_on(scene, "write", ask, 2)


async def waiter(scene: Scene) -> None:
    """Writes, and waits for each event to be stored."""

    async def ask(connection: Connection, _number: int) -> Answer:
        body = {"tool_name": "Bash", "result_status": "success", "session_id": SESSION, "id": str(uuid4())}
        return await connection.ask("POST", "/api/tool-calls", body, Prefer="wait=20")

    await _ask_on(scene, "wait", ask, 1.5)


async def reader(scene: Scene) -> None:
    """Looks at lists and single things."""

    async def ask(connection: Connection, _number: int) -> Answer:
        return await connection.ask("GET", scene.rng.choice(READS))

    await _ask_on(scene, "read", ask, 2)


async def doctor(scene: Scene) -> None:
    """Asks whether the process is alive."""

    async def ask(connection: Connection, _number: int) -> Answer:
        return await connection.ask("GET", "/healthz")

    await _ask_on(scene, "health", ask, 1)


async def steady_uploader(scene: Scene) -> None:
    """Uploads a file at a pace that is slow and allowed."""
    await _ask_on(scene, "upload", lambda connection, _: _upload(connection, STEADY_BYTES_A_SECOND, UPLOAD_SECONDS), 1)


async def slow_uploader(scene: Scene) -> None:
    """Uploads below the least pace for as long as it is let."""
    await _ask_on(scene, "slow upload", lambda connection, _: _upload(connection, SLOW_BYTES_A_SECOND, 3_600), 1)


async def _upload(connection: Connection, bytes_a_second: int, seconds: int) -> Answer:
    piece, count = bytes_a_second // PIECES_A_SECOND, seconds * PIECES_A_SECOND
    size = len(FORM_BEGIN) + piece * count + len(FORM_END)
    return await connection.upload("/api/import/claude-data", _pieces(piece, count), size, **FORM)


async def _pieces(size: int, count: int) -> AsyncIterator[bytes]:
    yield FORM_BEGIN
    for _ in range(count):
        await asyncio.sleep(1 / PIECES_A_SECOND)
        yield b"x" * size
    yield FORM_END


async def watcher(scene: Scene) -> None:
    """Watches a job until the end of the story; begins again when it is refused."""
    while not scene.is_over:
        began = time.perf_counter()
        with closing(Connection(scene.port)) as connection, suppress(TimeoutError):
            async with asyncio.timeout(max(scene.until - time.perf_counter(), 0.1)):
                await _watch(scene, connection, began)
        await scene.pause(2)


async def _watch(scene: Scene, connection: Connection, began: float) -> None:
    try:
        async with aclosing(connection.stream(f"/api/import/jobs/{scene.job_id}/events")) as stream:
            async for told in stream:
                if isinstance(told, int):
                    scene.notes.note("watch", str(told), began)
                    if told != 200:
                        return
    except (OSError, asyncio.IncompleteReadError) as error:
        if not isinstance(error, TimeoutError):
            scene.notes.note("watch", f"no answer ({type(error).__name__})", began)


# Shares of a thousand connections. Waiters, uploads and watchers exceed their limits, so that each limit is reached.
CROWD: Final[Mapping[str, tuple[Callable[[Scene], Coroutine[Any, Any, None]], int]]] = {
    "write": (writer, 200), "wait": (waiter, 300), "read": (reader, 100), "health": (doctor, 10),
    "upload": (steady_uploader, 40), "slow upload": (slow_uploader, 60), "watch": (watcher, 290),
}  # fmt: skip
QUICK: Final = ("write", "read", "health")
STANDSTILL_SECONDS: Final = 8.0
# For what is still under way when the story is over: the longest wait, and some more for a busy machine.
PATIENCE_SECONDS: Final = 60.0


def tell(stack: Stack, *, connections: int, seconds: float, standstill_every: float) -> Notes:
    """Lets a crowd at a running stack, and gives what it was answered."""
    return uvloop.run(_tell(stack, connections, seconds, standstill_every))


def refused(notes: Notes) -> dict[str, dict[str, int]]:
    """The quick requests that were not answered, by kind."""
    return {
        kind: bad for kind in QUICK if (bad := {outcome: n for outcome, n in notes.outcomes[kind].items() if not outcome.startswith("2")})
    }


def report(notes: Notes) -> str:
    """A table: requests by kind, what they were answered, how long that took."""
    rows = [
        [
            kind,
            str(sum(outcomes.values())),
            ", ".join(f"{outcome}: {count}" for outcome, count in outcomes.most_common()),
            milliseconds(percentile(notes.seconds[kind], 0.5) * 1000),
            milliseconds(percentile(notes.seconds[kind], 0.99) * 1000),
        ]
        for kind, outcomes in notes.outcomes.items()
    ]
    return table(["kind", "requests", "answers", "p50 ms", "p99 ms"], rows)


async def _tell(stack: Stack, connections: int, seconds: float, standstill_every: float) -> Notes:
    notes, job_id = Notes(), uuid4()
    await asyncio.to_thread(_add_job, stack, job_id)
    with closing(Connection(stack.port)) as connection:
        started = await connection.ask("POST", "/api/sessions/start", {"session_id": "crowd", "project_path": "/home/me/crowd"})
    assert started.status == 201, started
    scene = Scene(stack.port, notes, job_id, time.perf_counter() + seconds)
    whole = sum(count for _, count in CROWD.values())
    crowd = [asyncio.create_task(play(scene)) for play, count in CROWD.values() for _ in range(max(count * connections // whole, 1))]
    beside = [asyncio.create_task(_stand_still(stack, scene, standstill_every)), asyncio.create_task(_watch_self(scene))]
    await asyncio.sleep(seconds)
    _, unfinished = await asyncio.wait(crowd, timeout=PATIENCE_SECONDS)
    for task in (*unfinished, *beside):
        task.cancel()
    for outcome in await asyncio.gather(*crowd, *beside, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
    return notes


def _add_job(stack: Stack, job_id: UUID) -> None:
    """An import that goes on for as long as somebody watches it."""
    with stack.database() as connection:
        connection.execute(
            "INSERT INTO import_jobs (id, status, stage, files, bytes_total, started_at) VALUES (%s, 'running', 'reading', '[]', 1000000, now())",
            (job_id,),
        )


async def _stand_still(stack: Stack, scene: Scene, every: float) -> None:
    """Blocks the workers' writes now and then, and no reads. The job continues meanwhile."""

    def hold() -> None:
        with stack.database() as connection, connection.transaction():
            connection.execute("LOCK TABLE tool_calls, messages IN SHARE ROW EXCLUSIVE MODE")
            time.sleep(STANDSTILL_SECONDS)

    def go_on() -> None:
        with stack.database() as connection:
            connection.execute("UPDATE import_jobs SET bytes_done = bytes_done + 1 WHERE id = %s", (scene.job_id,))

    since = time.perf_counter()
    while True:
        await asyncio.sleep(1)
        await asyncio.to_thread(go_on)
        if time.perf_counter() - since >= every:
            await asyncio.to_thread(hold)
            since = time.perf_counter()


async def _watch_self(scene: Scene) -> None:
    """How late the crowd's own process is: what is slower than this may be slow here, not there."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.05)
        scene.notes.note("(the crowd itself)", "late", began + 0.05)
