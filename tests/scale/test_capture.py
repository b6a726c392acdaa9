"""Live capture while workers are killed: every hook and every line is stored once, on one Redis and on a Cluster."""

import asyncio
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx2 as httpx
import msgspec
import psycopg
import pytest
from zstandard import ZstdDecompressor

from deploy.embedded.supervision import processes
from tests.scale.counting import DRAINED_SECONDS, equation
from tests.scale.pipeline import Pipeline, pipeline
from tests.scale.redis_servers import cluster, cluster_url

PARTITIONS = 4
FILES, LINES, HOOKS = 12, 60, 20
KILLS = 4
_SPACE = UUID("0c6e2a7e-5e2f-4c0c-9f0b-0d6b1c7e4a56")
_DONE = """
    SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM hook_payloads), (SELECT count(*) FROM transcript_files WHERE parsed_offset < stored_offset)"""


def session_of(number: int) -> str:
    return str(uuid5(_SPACE, str(number)))


def lines_of(number: int) -> list[bytes]:
    """A transcript of what one person said."""
    session_id = session_of(number)
    return [
        msgspec.json.encode(
            {
                "type": "user",
                "uuid": str(uuid5(_SPACE, f"{number} {line}")),
                "parentUuid": None,
                "sessionId": session_id,
                "cwd": "/home/ann/app",
                "timestamp": f"2026-05-01T12:{line:02}:00Z",
                "message": {"role": "user", "content": f"line {line} " + "x" * (line % 13)},
            }
        )
        + b"\n"
        for line in range(LINES)
    ]


def hook_of(number: int, hook: int) -> dict[str, Any]:
    """A notification: nothing but the payload itself becomes of it."""
    time = f"2026-05-01T13:{hook:02}:00Z"
    return {"session_id": session_of(number), "hook_event_name": "Notification", "message": f"hook {hook}", "tracker_at": time}


async def send_file(client: httpx.AsyncClient, number: int) -> None:
    """Ranges of any length, some sent twice, from where the server wants them; a hook with each."""
    lines, random_ = lines_of(number), random.Random(number)
    starts = [sum(map(len, lines[:n])) for n in range(len(lines) + 1)]
    headers = {"content-type": "application/x-ndjson", "x-tracker-machine": "m"}
    path = f"/api/transcripts/{session_of(number)}"
    offset = hooks = 0
    while offset < starts[-1] or hooks < HOOKS:
        first = starts.index(offset)
        body = b"".join(lines[first : first + random_.randint(1, 5)])
        parameters = {"file": f"{session_of(number)}.jsonl", "offset": str(offset)}
        for _ in range(random_.randint(1, 2)):
            answer = await client.put(path, params=parameters, content=body, headers=headers)
            await client.post("/api/hooks", json=hook_of(number, hooks % HOOKS))
        if answer.status_code in (200, 409):
            found = answer.json()
            offset = found["offset"] if answer.status_code == 200 else found["details"]["offset"]
        hooks += 1
        await asyncio.sleep(0.2)


async def send_all(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
        await asyncio.gather(*(send_file(client, number) for number in range(FILES)))


def kill_and_start_again(pipe: Pipeline) -> None:
    for _ in range(KILLS):
        time.sleep(0.5)
        pipe.kill("one")
        pipe.start_worker("one", queues="drain,capture")


@pytest.mark.parametrize("is_cluster", [False, True])
def test_everything_is_stored_once_while_the_worker_is_killed(database_url: str, redis_url: str, tmp_path: Path, is_cluster: bool) -> None:
    if not is_cluster:
        check(database_url, tmp_path, redis_url=redis_url)
        return
    with cluster(tmp_path / "redis", masters=3) as servers:
        check(database_url, tmp_path, redis_url=cluster_url(servers), broker_url=redis_url)


def check(database_url: str, tmp_path: Path, **urls: str) -> None:
    with pipeline(tmp_path / "run", database_url=database_url, journal_partitions=str(PARTITIONS), **urls) as pipe:
        pipe.start_api()
        pipe.start_worker("one", queues="drain,capture")
        pipe.start_beat()
        pipe.await_ready()

        # Processes end with the thread that started them, so the senders have one of their own.
        with ThreadPoolExecutor(1) as senders:
            sent = senders.submit(asyncio.run, send_all(pipe.url))
            kill_and_start_again(pipe)
            sent.result()

        # Then all is read, and the account is exact
        expected = (FILES * LINES, 0, 0)
        assert processes.wait_until(lambda: rows(database_url, _DONE)[0] == expected, DRAINED_SECONDS), (
            rows(database_url, _DONE),
            rows(database_url, "SELECT session_id, machine_id, stored_offset, parsed_offset FROM transcript_files LIMIT 3"),
            rows(database_url, "SELECT kind, reason FROM dead_letters LIMIT 3"),
            rows(database_url, "SELECT kind, status, errors FROM import_jobs"),
            equation(pipe),
            pipe.tail(),
        )
        assert processes.wait_until(lambda: equation(pipe).get("pending") == 0, DRAINED_SECONDS)
        found = equation(pipe)
        assert (found["drift"], found["dead"]) == (0, 0), found
        assert found["persisted"] + found["duplicate"] == found["accepted"]
    for number in range(FILES):
        parts = rows(
            database_url,
            "SELECT content FROM transcript_ranges AS r JOIN transcript_files AS f ON f.id = file_id WHERE session_id = %s ORDER BY start_offset",
            session_of(number),
        )
        assert b"".join(ZstdDecompressor().decompress(content) for (content,) in parts) == b"".join(lines_of(number))


def rows(database_url: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        return connection.execute(sql.encode(), parameters).fetchall()
