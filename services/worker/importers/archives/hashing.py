"""A file object that hashes what is read of it."""

from hashlib import sha256
from typing import IO


class Hashing:
    """Reads on from where the file is. Forward only."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hash = sha256()
        self._size = 0

    def read(self, size: int = -1) -> bytes:
        """As of a file."""
        data = self._file.read(size)
        self._hash.update(data)
        self._size += len(data)
        return data

    def tell(self) -> int:
        """How much was read."""
        return self._size

    def digest(self) -> bytes | None:
        """SHA-256 of all, what nobody asked for included; None if the file cannot be read to its end."""
        try:
            while self.read(1 << 20):
                continue
        except (OSError, EOFError, ValueError):
            # Its importer has met the same, and said where.
            return None
        return self._hash.digest()
