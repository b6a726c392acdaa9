"""Consumer names and fencing: they count each entry once, even if a worker dies at any moment.

A worker reads under a consumer name of its own, which is a row of `drainers`. The transaction of a batch locks that row and writes into it
which entries the batch has. If a worker falls silent, another one fences its name: after that it can commit no more, and the row says which
of its entries are stored. Those are acknowledged, the others claimed. A name with a locked row is in use and is left alone; the lock ends
with its connection. A fenced worker continues under a new name, as does one that does not know how its transaction ended.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from psycopg import Connection
from redis import Redis

from services.worker.drain.stream_reader import ENTRIES_PER_READ, Entry, acknowledge, find_entries
from services.worker.sweep.sweep_statements import DELETE_GONE_CONSUMERS
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "consumer_fencing.sql")

_REGISTER = "INSERT INTO drainers (consumer) VALUES (%(consumer)s)"

_RECORD_ENTRIES = "UPDATE drainers SET applied = %(applied)s WHERE consumer = %(consumer)s AND NOT is_fenced"

_STATES = "SELECT consumer, is_fenced, applied FROM drainers WHERE consumer = ANY(%(consumers)s)"

_DELETE_FENCED = "DELETE FROM drainers WHERE consumer = ANY(%(consumers)s) AND is_fenced"


class FencedError(Exception):
    """Another worker has taken over. Nothing may be committed under this consumer name any more."""


@dataclass(slots=True)
class JournalConsumer:
    """This process in the journal's consumer group.

    `process` is `host-pid`. `name` is its consumer name, None before register(). Setting it to None gives the name up: another worker then
    takes over what it holds, as if this one had died.
    """

    process: str
    name: str | None = None
    # Fewer where Redis is slow, so that a read ends within its lease (limited_reads.py).
    entries_per_read: int = ENTRIES_PER_READ


def register(connection: Connection[Any], consumer: JournalConsumer) -> str:
    """Gives the consumer's name. If it has none, makes one, which is in the table once the caller has committed."""
    if consumer.name is None:
        name = f"{consumer.process}-{token_hex(6)}"
        connection.execute(_REGISTER, {"consumer": name})
        consumer.name = name
    return consumer.name


def record_entries(connection: Connection[Any], consumer: str, entries: Iterable[Entry]) -> None:
    """First statement of a batch's transaction. It locks the name, so that no worker can take over, and records the batch's entries.

    FencedError if another worker has taken over already.
    """
    applied = [f"{entry.stream} {entry.epoch} {entry.entry_id}" for entry in entries]
    if connection.execute(_RECORD_ENTRIES, {"applied": applied, "consumer": consumer}).rowcount == 0:
        raise FencedError(consumer)


def fence(connection: Connection[Any], redis: Redis, consumers: Collection[str], replicas: int = 0) -> set[str]:
    """Fences the names that are not at work, and acknowledges what they have stored. Gives those that can commit no more.

    A name without a row is one of them: rows are made before anything is read, and deleted when all of it is acknowledged.
    Needs a connection outside a transaction.
    """
    parameters = {"consumers": sorted(consumers)}
    with connection.transaction():
        connection.execute(_SQL.fence, parameters)
        states = connection.execute(_STATES, parameters).fetchall()
    at_work = {consumer for consumer, is_fenced, _ in states if not is_fenced}
    _acknowledge_applied(redis, replicas, {place for _, is_fenced, applied in states if is_fenced for place in applied})
    fenced = set(consumers) - at_work
    with connection.transaction():
        connection.execute(_DELETE_FENCED, {"consumers": sorted(fenced)})
    return fenced


def delete_gone(connection: Connection[Any], living: Collection[str], older_than_seconds: float) -> int:
    """Deletes the rows of names that hold nothing, and gives their number. If one is in use after all, its worker registers a new name."""
    return connection.execute(DELETE_GONE_CONSUMERS, {"living": sorted(living), "seconds": older_than_seconds}).rowcount


def _acknowledge_applied(redis: Redis, replicas: int, applied: Collection[str]) -> None:
    epochs: dict[tuple[str, str], str] = {}
    for place in applied:
        stream, epoch, entry_id = place.split(" ")
        epochs[stream, entry_id] = epoch
    # An entry id could come again in a journal that was replaced; an epoch could not.
    stored = [entry for entry in find_entries(redis, epochs) if epochs[entry.stream, entry.entry_id] == entry.epoch]
    acknowledge(redis, stored, replicas)
