"""Imports among the load: transcripts that are uploaded one after the other while the faults happen. None of their rows is an accepted event."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from tests.faults.clients.client import NO_ANSWER, Client

EVERY_SECONDS = 5.0
RETRY_SECONDS = 1.0
TURNS = 100
START = datetime(2026, 2, 1, tzinfo=UTC)
BOUNDARY = "a-line-that-is-in-no-transcript"
ROUTE = "/api/import/claude-data"


def transcripts(seed: str) -> Iterator[bytes]:
    """One file of JSON lines after the other, without end."""
    rng = Random(seed)
    while True:
        yield b"".join(json.dumps(record).encode() + b"\n" for record in _records(rng))


def _records(rng: Random) -> Iterator[dict[str, Any]]:
    session_id, now = f"{rng.getrandbits(128):032x}", START + timedelta(minutes=rng.randrange(20 * 24 * 60))
    for turn in range(TURNS):
        now += timedelta(seconds=rng.uniform(1, 400))
        key = f"{session_id[:12]}-{turn}"
        shared = {
            "sessionId": session_id,
            "cwd": f"/home/ann/project-{rng.randrange(12)}",
            "timestamp": now.isoformat(),
            "version": "2.1.42",
        }
        use = {"type": "tool_use", "id": f"toolu_{key}", "name": rng.choice(("Bash", "Read")), "input": {"command": "npm test"}}
        usage = {"input_tokens": rng.randrange(50), "output_tokens": rng.randrange(500)}
        answer = {"id": f"msg_{key}", "model": "claude-opus-4-6", "role": "assistant", "content": [use], "usage": usage}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{key}", "content": "ok"}
        yield shared | {"type": "user", "uuid": f"p-{key}", "message": {"role": "user", "content": "useEffect runs twice, why?"}}
        yield shared | {"type": "assistant", "uuid": f"a-{key}", "requestId": f"req_{key}", "message": answer}
        yield shared | {"type": "user", "uuid": f"r-{key}", "message": {"role": "user", "content": [result]}}


@asynccontextmanager
async def importing(port: int, answers: Counter[str], *, seed: int) -> AsyncIterator[None]:
    """Uploads go on inside."""
    client = Client(port)
    task = asyncio.create_task(_upload(client, answers, f"{seed}/transcripts"))
    try:
        yield
    finally:
        task.cancel()
        [end] = await asyncio.gather(task, return_exceptions=True)
        client.close()
    if isinstance(end, Exception):
        raise end


async def _upload(client: Client, answers: Counter[str], seed: str) -> None:
    files = transcripts(seed)
    content = next(files)
    while True:
        is_taken = await _is_taken(client, answers, content)
        content = next(files) if is_taken else content
        await asyncio.sleep(EVERY_SECONDS if is_taken else RETRY_SECONDS)


async def _is_taken(client: Client, answers: Counter[str], content: bytes) -> bool:
    """Whether there is a job for it; it may be taken twice, which adds nothing."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="session.jsonl"\r\n\r\n'
    body = head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    try:
        answer = await client.post(ROUTE, body, content_type=f"multipart/form-data; boundary={BOUNDARY}", headers={"Prefer": "wait=0"})
    except NO_ANSWER as error:
        answers[f"import {type(error).__name__}"] += 1
        return False
    answers[f"import {answer.status}"] += 1
    return answer.status in (200, 202)
