"""A member of an archive as a file that can be read once from its beginning, and whose first bytes can be peeked at before."""

import io
import lzma
import zipfile
import zlib
from typing import Protocol

from services.worker.importers.unpacking_limits import LimitExceeded, Unreadable

# The errors that Python's unpackers raise for damaged bytes.
UNPACKING_ERRORS = (
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
    ValueError,
    RuntimeError,
    OSError,
)


class Content(Protocol):
    """The unpackers' result: a file to read once from its beginning."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; b"" at the end."""
        ...


class MemberFile(io.RawIOBase):
    """Has only `read` and `tell`. Every error of the archive is raised as Unreadable, an OSError, when the damaged place is reached."""

    def __init__(self, file: Content) -> None:
        super().__init__()
        self._file = file
        self._head = b""
        self._given = 0

    def peek(self, size: int) -> bytes:
        """The first `size` bytes; fewer if the member is shorter, or damaged before."""
        try:
            while len(self._head) < size and (more := self._read(size - len(self._head))):
                self._head += more
        except LimitExceeded:
            raise
        except Unreadable:
            # It is raised again when the reader gets there.
            return self._head
        return self._head

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes, all that are left by default; b"" at the end."""
        if self._head:
            part = self._head if size < 0 else self._head[:size]
            self._head = self._head[len(part) :]
            if size < 0:
                part += self._read(-1)
        else:
            part = self._read(size)
        self._given += len(part)
        return part

    def tell(self) -> int:
        """How many bytes were read."""
        return self._given

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except Unreadable:
            raise
        except UNPACKING_ERRORS as error:
            raise Unreadable(f"its archive is damaged: {explained(error)}") from error


def explained(error: Exception) -> str:
    """The first line of the library's message, which quotes no content."""
    return str(error).partition("\n")[0][:120] or type(error).__name__
