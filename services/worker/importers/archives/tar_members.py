"""The members of a tar, compressed or not, read once from front to back."""

import gzip
from collections.abc import Iterator
from typing import IO, Any

import zstandard

from services.worker.importers.archives.member_file import UNPACKING_ERRORS, Content, explained
from services.worker.importers.archives.tar_headers import BLOCK, next_header
from services.worker.importers.unpacking_limits import Budget, LimitExceeded, Unreadable

# zstd's own --long=27; more is memory that a worker does not have.
MAX_WINDOW_BYTES = 128 * 1024 * 1024
_READ_BYTES = 1 << 18


def tar_members(file: IO[bytes], kind: str, budget: Budget) -> Iterator[tuple[str, Content]]:
    """(name, content) of every regular file, in order. Each content must be read before the next file is asked for.

    Unreadable where the archive is damaged or ends too early, LimitExceeded if it unpacks to too many bytes.
    """
    unpacked = _Unpacked(_unpacking(file, kind), file, budget)
    entries = 0
    while (header := next_header(unpacked)) is not None:
        entries += 1
        if entries > budget.limits.entries:
            raise LimitExceeded(f"it has more than {budget.limits.entries} members")
        content = _MemberContent(unpacked, header.size)
        if header.is_file:
            yield header.name, content
        content.pass_over()


def _unpacking(file: IO[bytes], kind: str) -> Any:
    if kind == "tar_gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if kind == "tar_zst":
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        return decompressor.stream_reader(file, read_across_frames=True, closefd=False)
    return file


class _Unpacked:
    """The bytes of the tar. Counts them, and raises the unpackers' errors as Unreadable."""

    def __init__(self, content: Any, packed: IO[bytes], budget: Budget) -> None:
        self._content = content
        self._packed = packed
        self._budget = budget
        self._unpacked = 0

    def read(self, size: int) -> bytes:
        """At most so many; b"" at the end."""
        try:
            data: bytes = self._content.read(size)
        except (*UNPACKING_ERRORS, zstandard.ZstdError) as error:
            raise Unreadable(explained(error)) from error
        self._unpacked += len(data)
        self._budget.spend(len(data), unpacked_here=self._unpacked, packed_here=self._packed.tell())
        return data

    def exactly(self, size: int) -> bytes:
        """Exactly so many; Unreadable if there are fewer."""
        parts: list[bytes] = []
        while size:
            if not (data := self.read(size)):
                raise Unreadable("it ends before its end mark")
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


class _MemberContent:
    """The next `size` bytes of the tar, then the padding of the last block."""

    def __init__(self, unpacked: _Unpacked, size: int) -> None:
        self._unpacked = unpacked
        self._left = size
        self._filling = -size % BLOCK

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that are left by default; Unreadable if the tar ends before."""
        if size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        if not self._left or not size:
            return b""
        data = self._unpacked.read(min(size, self._left))
        if not data:
            raise Unreadable("it ends in the middle of this member")
        self._left -= len(data)
        return data

    def pass_over(self) -> None:
        """Skips the rest, up to the next header."""
        while self.read(_READ_BYTES):
            continue
        self._unpacked.exactly(self._filling)
