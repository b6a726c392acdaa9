"""The archive's locks, held until the transaction ends. Both are advisory. A transaction takes a file's lock before it refers to contents.

A content is put before a row refers to it. Between the two, it must not be collected as garbage. Garbage collection leaves alone what was put
in the last day. That covers all but one case: an old content is put again while it is being deleted. So a transaction that refers to contents
holds a lock that garbage collection takes exclusively, and checks under it that they are there.
"""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import Connection

from shared.blobs.contents import ContentStore
from shared.blobs.store import BlobStoreAway

# Arbitrary constants. A backup holds the first from before its snapshot until it has copied the contents (deploy/embedded/backups/backup.py).
_CONTENTS: Final = 0x_1A904D
_FILES: Final = 0x_1A904E

_LOCK_SHARED = "SELECT pg_advisory_xact_lock_shared(%(key)s)"
_TRY_EXCLUSIVE = "SELECT pg_try_advisory_xact_lock(%(key)s)"
_LOCK_FILE = "SELECT pg_advisory_xact_lock(%(key)s, (%(file_id)s %% 2147483647)::integer)"


def lock_file(connection: Connection[Any], file_id: int) -> None:
    """To be held while a file's segments or ranges are replaced. Adding ranges behind them does not need it."""
    connection.execute(_LOCK_FILE, {"key": _FILES, "file_id": file_id})


def lock_referring(connection: Connection[Any]) -> None:
    """To be held from putting contents until the rows that refer to them are committed, where both are one transaction."""
    connection.execute(_LOCK_SHARED, {"key": _CONTENTS})


def refer_to(connection: Connection[Any], store: ContentStore, sha256s: Iterable[bytes]) -> None:
    """To be called where contents were put before the transaction began. BlobStoreAway if one of them is gone meanwhile: it must be put again."""
    lock_referring(connection)
    for sha256 in sha256s:
        if not store.has(sha256.hex()):
            raise BlobStoreAway("A content of the archive was deleted while it was put; it is put again.")


def try_lock_collecting(connection: Connection[Any]) -> bool:
    """For garbage collection. False while a transaction refers to contents: try again later."""
    [(is_ours,)] = connection.execute(_TRY_EXCLUSIVE, {"key": _CONTENTS}).fetchall()
    return bool(is_ours)
