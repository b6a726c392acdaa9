"""A file that hashes everything that is read from it."""

from hashlib import sha256
from typing import IO


class Hashing:
    """Reads forward only, from where the file is."""

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
        """How many bytes were read."""
        return self._size

    def digest(self) -> bytes | None:
        """SHA-256 of the whole file. Reads the rest of the file; None if it cannot be read to its end."""
        try:
            while self.read(1 << 20):
                continue
        except (OSError, EOFError, ValueError):
            # The importer has met the same error and reported its place.
            return None
        return self._hash.digest()
