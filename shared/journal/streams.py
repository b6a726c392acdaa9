"""The journal: the Redis Streams between ingest, which appends, and the worker, which reads, persists, acknowledges.

Keys, per partition p, all on one node of a Redis Cluster:
`journal:{p}` the stream. Its entries have the fields `payload`, `epoch` and `n`, the number of events in the payload. One consumer group, GROUP.
`accounting:{p}` a hash: `epoch`, the account's random name, made with the first entry and gone with the journal. `accepted` and `settled` are
the numbers of events that have come into the stream and left it. Both move with the stream, in one script.
`wakeup:{p}` is set while a `drain` task is on its way for the partition, so that only one is sent for many events.
`turn:{p}` names the worker process that drains the partition now (services/worker/drain/partition_lease.py).
`transcript:{p}:<hash>` is a hash of a transcript that is being captured: its `generation`, and the `offset` up to which it is on the journal.
It expires; then `transcript_files` in Postgres says it (services/ingest/journal/append_range.py).
`journal:partitions`, one key for all partitions: the highest number of partitions that was ever written with (shared/journal/partitions.py).
"""

from functools import cache
from hashlib import sha256
from zlib import crc32

GROUP = "drain"
PAYLOAD_FIELD = "payload"
# Entries of versions before the accounting have neither field. They are drained and belong to no account.
EPOCH_FIELD = "epoch"
EVENTS_FIELD = "n"
# If a `drain` task is lost, ingest sends no other for at most this long; the sweep finds the entries meanwhile.
WAKEUP_TTL_MS = 2_000


@cache
def stream_key(partition: int) -> str:
    """The stream of a partition. The braces keep a partition's keys on one node of a Redis Cluster."""
    return f"journal:{{{partition}}}"


@cache
def accounting_key(stream: str) -> str:
    """The account of a stream, on the same node of a Redis Cluster: `journal:{p}` → `accounting:{p}`."""
    return stream.replace("journal", "accounting", 1)


def dead_letter_entry_id(stream: str, entry_id: str) -> str:
    """An entry's id as its dead letters have it: with the stream, since entries of different streams may have the same id."""
    return entry_id if stream == stream_key(0) else f"{stream}/{entry_id}"


def wakeup_key(stream: str) -> str:
    """The wake-up key of a stream, on the same node: `journal:{p}` → `wakeup:{p}`."""
    return stream.replace("journal", "wakeup", 1)


def lease_key(stream: str) -> str:
    """The lease of a stream's partition, on the same node: `journal:{p}` → `turn:{p}`."""
    return stream.replace("journal", "turn", 1)


def transcript_key(stream: str, session_id: str, machine_id: str, file_name: str) -> str:
    """The bytes on the journal of one machine's transcript, on the same node: `journal:{p}` → `transcript:{p}:<hash>`."""
    name = "\n".join((session_id, machine_id, file_name)).encode("utf-8", "surrogatepass")
    return f"{stream.replace('journal', 'transcript', 1)}:{sha256(name).hexdigest()[:32]}"


def partition_of(session_id: str | None, partitions: int) -> int:
    """The partition of a session's events. One partition keeps them mostly in order."""
    return crc32((session_id or "").encode("utf-8", "surrogatepass")) % partitions
