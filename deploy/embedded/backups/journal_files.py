"""Redis' append-only files at one moment: opened and measured during a pause, copied afterwards while the server writes on.

A file only grows, and a rewrite replaces it by another one. So the first n bytes behind an open descriptor never change.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from redis import Redis

from deploy.embedded.supervision.processes import StartError

# Less than ingest waits for Redis, so that no write is refused for it (REDIS_SECONDS in services/ingest/http/queue_errors.py).
PAUSE_SECONDS = 0.6
ATTEMPTS = 5
_OLD_FILE = "appendonly.aof"
# Redis 7 and later: a folder with a list of the files that make up the whole.
_FOLDER, _LIST = "appendonlydir", "appendonly.aof.manifest"


@dataclass(frozen=True)
class OpenFile:
    """A file, to be copied up to `size_bytes`. `name` is below Redis' folder."""

    name: str
    file: BinaryIO
    size_bytes: int


@contextmanager
def no_writes(redis: Redis) -> Iterator[float]:
    """Pauses writes to Redis; clients wait meanwhile. Yields the monotonic time at which the pause ends by itself."""
    redis.client_pause(int(PAUSE_SECONDS * 1000), all=False)
    until = time.monotonic() + PAUSE_SECONDS
    try:
        yield until
    finally:
        redis.client_unpause()


def open_files(redis_folder: Path, stack: ExitStack) -> list[OpenFile]:
    """The append-only files, which `stack` closes. They hold every write that was answered (appendfsync always)."""
    for _ in range(ATTEMPTS):
        try:
            return [_open(redis_folder, name, stack) for name in _names(redis_folder)]
        except FileNotFoundError:
            # A rewrite has just replaced it.
            continue
    raise StartError(f"There is no append-only file in {redis_folder}, so there is no journal to copy; is the stack's Redis running there?")


def _names(redis_folder: Path) -> list[str]:
    if not (redis_folder / _FOLDER).exists():
        return [_OLD_FILE]
    listed = (redis_folder / _FOLDER / _LIST).read_text(encoding="utf-8").split("\n")
    # file appendonly.aof.1.base.rdb seq 1 type b
    names = [line.split()[1] for line in listed if line.startswith("file ") and not line.endswith(" type h")]
    return [f"{_FOLDER}/{name}" for name in (_LIST, *names)]


def _open(redis_folder: Path, name: str, stack: ExitStack) -> OpenFile:
    file = stack.enter_context((redis_folder / name).open("rb"))
    return OpenFile(name, file, os.fstat(file.fileno()).st_size)
