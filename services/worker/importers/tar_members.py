"""The members of a tar, packed or not, read once from front to back."""

import gzip
import io
import tarfile
from collections.abc import Iterator
from tarfile import EOFHeaderError, ReadError  # type: ignore[attr-defined]
from typing import IO, Any, Self

import zstandard

from services.worker.importers.archive_limits import Budget, LimitExceeded, Unreadable
from services.worker.importers.member_file import UNPACKING_ERRORS, Content, explained

# Names and attributes come as members of their own, which are held in memory.
MAX_HEADER_BYTES = 1024 * 1024
# zstd's own --long=27; more is memory that a worker does not have.
MAX_WINDOW_BYTES = 128 * 1024 * 1024
_HEADERS = frozenset({tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK})


def tar_members(file: IO[bytes], kind: str, budget: Budget) -> Iterator[tuple[str, Content]]:
    """(name, content) of every regular file, in order. Each content is to be read before the next is asked for.

    Unreadable where the archive is damaged or ends too early, LimitExceeded if it unpacks to too much.
    """
    source = _Unpacked(_unpacking(file, kind), file, budget)
    try:
        with tarfile.open(fileobj=source, mode="r|", tarinfo=_header_of(source)) as tar:
            for entries, header in enumerate(tar, 1):
                if entries > budget.limits.entries:
                    raise LimitExceeded(f"it has more than {budget.limits.entries} members")
                content = tar.extractfile(header) if header.isreg() and not header.issparse() else None
                if content is not None:
                    yield header.name, content
                # tarfile keeps every header it has seen.
                tar.members = []  # type: ignore[attr-defined]
            if not source.ended:
                raise Unreadable("it ends before its end mark, or has something else where a member should begin")
    except UNPACKING_ERRORS as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(explained(error)) from error


def _unpacking(file: IO[bytes], kind: str) -> Any:
    if kind == "tar_gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if kind == "tar_zst":
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
        return decompressor.stream_reader(file, read_across_frames=True, closefd=False)
    return file


class _Unpacked(io.RawIOBase):
    """The tar's bytes. It counts them, and turns what the unpackers raise into Unreadable."""

    def __init__(self, content: Any, packed: IO[bytes], budget: Budget) -> None:
        super().__init__()
        self._content = content
        self._packed = packed
        self._budget = budget
        self._unpacked = 0
        # Whether the mark that ends an archive was seen.
        self.ended = False

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._content.read(size)
        except (*UNPACKING_ERRORS, zstandard.ZstdError) as error:
            raise Unreadable(explained(error)) from error
        self._unpacked += len(data)
        self._budget.spend(len(data), unpacked_here=self._unpacked, packed_here=self._packed.tell())
        return data


def _header_of(source: _Unpacked) -> type[tarfile.TarInfo]:
    """A header that notes where the archive ends, since tarfile takes any damage behind the first member for the end."""

    class Header(tarfile.TarInfo):
        @classmethod
        def fromtarfile(cls, tarfile: Any) -> Self:
            try:
                return super().fromtarfile(tarfile)
            except EOFHeaderError:
                source.ended = True
                raise

        @classmethod
        def frombuf(cls, buf: Any, encoding: str, errors: str) -> Self:
            header = super().frombuf(buf, encoding, errors)
            if header.type in _HEADERS and header.size > MAX_HEADER_BYTES:
                raise ReadError("a member's name or attributes are too long")
            return header

    return Header
