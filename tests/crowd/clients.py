"""The clients of the crowd: each asks, notes what it was answered and how long that took, pauses, and asks again."""

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, closing, suppress
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from tests.crowd.wire import Answer, Connection

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
