"""Removes secrets from decoded events before any part of them is stored.

Redacting a megabyte of secrets takes half a second, which would block the event loop. So large text that may hold secrets is redacted in
a thread, from which Python takes the interpreter back every 5 ms.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

from msgspec import Struct

from services.ingest.events.decode import Batch
from shared import metrics
from shared.http.errors import ApiError
from shared.redaction.redacted_lines import redact_lines
from shared.redaction.redacted_structs import may_hold_secret, redact_struct, which_may_hold_secret

# Text that may hold secrets: 32 KiB take at most 20 ms. In real traffic one byte in 25 may.
LARGE_BYTES = 32 * 1024
# Any text: reading a mebibyte takes milliseconds.
LARGE_BATCH_BYTES = 1024**2

# A pool of its own, so that other work in threads need not wait. More threads would only compete for the interpreter.
THREADS = 2

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


async def redact_body(decoded: Struct, body: bytes) -> None:
    """Redacts what a body says, in place."""
    if may_hold_secret(body):
        await run(redact, [decoded], in_thread=len(body) > LARGE_BYTES)


async def redact_batch(batch: Batch) -> None:
    """Redacts the events of a batch, in place."""
    suspicious = await run(_suspicious, batch, in_thread=len(batch.text) > LARGE_BATCH_BYTES)
    size = sum(len(batch.items[index]) for index in suspicious)
    events = [event for index in suspicious if not isinstance(event := batch.events[index], ApiError)]
    await run(redact, events, in_thread=size > LARGE_BYTES)


async def run(work: Callable[[*Ts], T], *args: *Ts, in_thread: bool) -> T:
    """Runs work that needs no event loop, in a thread or here."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), work, *args) if in_thread else work(*args)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="redaction")


def _suspicious(batch: Batch) -> list[int]:
    return list(which_may_hold_secret(batch.text, batch.items))


def redact(structs: Iterable[Struct]) -> None:
    """Redacts Structs in place, and counts the secrets by kind."""
    counts: dict[str, int] = {}
    for struct in structs:
        redact_struct(struct, counts)
    _count(counts)


async def without_secrets(text: bytes) -> bytes:
    """The same lines without their secrets, counted by kind. The number of lines stays. Large text that may hold one is redacted in a thread."""
    return await run(_redact, text, in_thread=len(text) > LARGE_BYTES and may_hold_secret(text))


def _redact(text: bytes) -> bytes:
    counts: dict[str, int] = {}
    redacted = redact_lines(text, counts)
    _count(counts)
    return redacted


def _count(counts: dict[str, int]) -> None:
    for kind, count in counts.items():
        metrics.REDACTIONS.labels(kind).inc(count)
