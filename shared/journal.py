"""The journal: the Redis Streams between ingest, which appends, and the worker, which reads, persists, acknowledges.

Keys, per partition p: `journal:{p}` the stream, with field `payload`. One consumer group, GROUP.
`journal:bell` is set while a `drain` task is on its way, so that only one is sent for many events.
"""

from zlib import crc32

GROUP = "drain"
PAYLOAD_FIELD = "payload"
BELL_KEY = "journal:bell"
# A bell that was rung but whose task got lost is silent for at most this long; the sweep rings meanwhile.
BELL_TTL_MS = 2_000


def stream_key(partition: int) -> str:
    """The stream of a partition. The braces keep a partition's keys on one node of a Redis Cluster."""
    return f"journal:{{{partition}}}"


def partition_of(session_id: str | None, partitions: int) -> int:
    """Which partition a session's events go to, so that they are mostly read in order."""
    return crc32((session_id or "").encode("utf-8", "surrogatepass")) % partitions
