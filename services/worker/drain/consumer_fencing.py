"""Who drains the journal, and how each entry is counted once whoever dies at whatever moment.

A worker goes by a name of its own, a row of `drainers`. A batch's transaction locks that row and writes into it which entries the batch is
made of. So, of entries that a silent worker holds, another can know for certain what became of them: it fences the name, after which that
can commit no more, and reads from the row which entries are in the tables already. Those are acknowledged, the others taken over.
A name whose row is locked is at work and left alone; the lock goes with its connection. A worker that was fenced, or that does not know
how a transaction ended, goes on under a new name.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from psycopg import Connection
from redis import Redis

from services.worker.drain.stream_reader import ENTRIES_PER_READ, Entry, done, find

_REGISTER = "INSERT INTO drainers (consumer) VALUES (%s)"

_HOLD = "UPDATE drainers SET applied = %(applied)s WHERE consumer = %(consumer)s AND NOT is_fenced"

_FENCE = """
    UPDATE drainers SET is_fenced = true
    WHERE consumer IN (SELECT consumer FROM drainers WHERE consumer = ANY(%(consumers)s) ORDER BY consumer FOR UPDATE SKIP LOCKED)"""

_KNOWN = "SELECT consumer, is_fenced, applied FROM drainers WHERE consumer = ANY(%(consumers)s)"

_FORGET = "DELETE FROM drainers WHERE consumer = ANY(%(consumers)s) AND is_fenced"

_FORGET_GONE = """
    DELETE FROM drainers WHERE consumer <> ALL(%(living)s) AND registered_at < now() - make_interval(secs => %(seconds)s)"""


class FencedError(Exception):
    """Another worker has taken over; nothing may be committed under this name any more."""


@dataclass(slots=True)
class Drainer:
    """This process in the journal's consumer group: `host-pid`, and the name that it has at the moment, if any."""

    process: str
    name: str | None = None
    # How many entries it reads at once: fewer where Redis is slow, so that a read is over before its turn is (reading.py).
    entries_per_read: int = ENTRIES_PER_READ

    def register(self, connection: Connection[Any]) -> str:
        """The name to drain under; a new one, in the table once the caller has committed, if there is none."""
        if self.name is None:
            name = f"{self.process}-{token_hex(6)}"
            connection.execute(_REGISTER, [name])
            self.name = name
        return self.name

    def drop_name(self) -> None:
        """From now on this is another drainer: what the former one holds is taken over like that of a dead worker."""
        self.name = None


def hold(connection: Connection[Any], consumer: str, entries: Iterable[Entry]) -> None:
    """First in a batch's transaction: nobody can take over until it ends, and with it is committed what it was made of. FencedError if late."""
    applied = [f"{entry.stream} {entry.epoch} {entry.entry_id}" for entry in entries]
    if connection.execute(_HOLD, {"applied": applied, "consumer": consumer}).rowcount == 0:
        raise FencedError(consumer)


def fence(connection: Connection[Any], redis: Redis, consumers: Collection[str], replicas: int = 0) -> set[str]:
    """Those of the names that can commit no more, what they had committed being acknowledged. Needs a connection outside a transaction.

    A name without a row is one: rows are made before anything is taken, and deleted when all of it is acknowledged.
    """
    parameters = {"consumers": sorted(consumers)}
    with connection.transaction():
        connection.execute(_FENCE, parameters)
        known = connection.execute(_KNOWN, parameters).fetchall()
    at_work = {consumer for consumer, is_fenced, _ in known if not is_fenced}
    _acknowledge(redis, replicas, {place for _, is_fenced, applied in known if is_fenced for place in applied})
    fenced = set(consumers) - at_work
    with connection.transaction():
        connection.execute(_FORGET, {"consumers": sorted(fenced)})
    return fenced


def forget_gone(connection: Connection[Any], living: Collection[str], older_than_seconds: float) -> int:
    """Deletes the rows of names that hold nothing. One that was alive after all only has to take a new name. Gives their number."""
    return connection.execute(_FORGET_GONE, {"living": sorted(living), "seconds": older_than_seconds}).rowcount


def _acknowledge(redis: Redis, replicas: int, applied: Collection[str]) -> None:
    epochs: dict[tuple[str, str], str] = {}
    for place in applied:
        stream, epoch, entry_id = place.split(" ")
        epochs[stream, entry_id] = epoch
    # An id could come again in a journal that was replaced; the epoch could not.
    done(redis, [entry for entry in find(redis, epochs) if epochs[entry.stream, entry.entry_id] == entry.epoch], replicas)
