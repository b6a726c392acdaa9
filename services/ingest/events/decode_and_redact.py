"""Step 2 of an event's path: checked Structs without secrets, before anything of them is kept, not even their session.

While the event loop stands still nobody is answered, and a megabyte of nothing but secrets takes half a second. So what is large and may hold
some is redacted in a thread, from which Python takes the interpreter back every 5 ms.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar, TypeVarTuple

from services.ingest.events.decode import Batch, E, decode_batch, decode_event, is_lines
from services.ingest.events.write_event import Write
from shared import metrics
from shared.http.errors import ApiError
from shared.messages import Event
from shared.redaction.redacted_structs import may_hold_secret, redact_struct, which_may_hold_secret

# Of text that may hold secrets: the worst of it takes 20 ms. Of what people send, one byte in 25 may.
LARGE_BYTES = 32 * 1024
# Of any text: only to read it takes milliseconds.
LARGE_BATCH_BYTES = 1024**2

# Not those of all other work, which would wait. More would only take the interpreter from each other.
THREADS = 2

Ts = TypeVarTuple("Ts")
T = TypeVar("T")


async def event_of(write: Write, struct: type[E]) -> E:
    """The event of a body; raises what decode_event does."""
    event = decode_event(write.body, struct, write.received_at)
    if write.ingest.settings.redact and may_hold_secret(write.body):
        await _run(len(write.body) > LARGE_BYTES, redact, [event])
    return event


async def batch_of(write: Write) -> Batch:
    """The items of a body; raises what decode_batch does, and the error of a body that is one item and no JSON."""
    body, settings = write.body, write.ingest.settings
    is_large = len(body) > LARGE_BATCH_BYTES
    batch = await _run(is_large, decode_batch, body, is_lines(body, write.media_type), write.received_at)
    if len(batch.events) == 1 and isinstance(error := batch.events[0], ApiError) and error.code == "INVALID_JSON":
        # There is no rest that it could sink.
        raise error
    if settings.redact:
        suspicious = await _run(is_large, _suspicious, batch)
        size = sum(len(batch.items[index]) for index in suspicious)
        await _run(size > LARGE_BYTES, redact, [event for index in suspicious if not isinstance(event := batch.events[index], ApiError)])
    return batch


async def _run(is_long: bool, work: Callable[[*Ts], T], *args: *Ts) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads(), work, *args) if is_long else work(*args)


@lru_cache(maxsize=1)
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix="redaction")


def _suspicious(batch: Batch) -> list[int]:
    return list(which_may_hold_secret(batch.text, batch.items))


def redact(events: Iterable[Event]) -> None:
    """In place, and counted."""
    counts: dict[str, int] = {}
    for event in events:
        redact_struct(event, counts)
    for kind, count in counts.items():
        metrics.REDACTIONS.labels(kind).inc(count)
