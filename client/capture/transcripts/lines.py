"""Reads whole lines of a transcript from an offset, and tells whether what was before the offset is still the same."""

import os
from hashlib import sha256
from typing import Final, NamedTuple

# A range that the server takes has at most 1 MiB; redaction may make it longer.
READ_BYTES: Final = 512 * 1024
MAX_RANGE_BYTES: Final = 1024**2
# The server takes no longer line, and this process' memory is bounded. It is passed over.
LONGEST_LINE_BYTES: Final = 16 * 1024**2
_PROBE_BYTES: Final = 4096


class Lines(NamedTuple):
    """Whole lines, and the offset behind them. The data is an empty line in place of one that is too long."""

    data: bytes
    end: int


def read_lines(descriptor: int, offset: int) -> Lines | None:
    """The lines from the offset: as many as fit into a range, at least one. None if the last line is not complete yet."""
    read = _read_at(descriptor, READ_BYTES, offset)
    if end := read.rfind(b"\n") + 1:
        return Lines(read[:end], offset + end)
    pieces, total = [read], len(read)
    while len(read) == READ_BYTES:
        read = _read_at(descriptor, READ_BYTES, offset + total)
        found = read.find(b"\n") + 1
        total += found or len(read)
        if total > LONGEST_LINE_BYTES:
            pieces = []
        pieces.append(read[: found or None])
        if found:
            return Lines(b"".join(pieces) if total <= LONGEST_LINE_BYTES else b"\n", offset + total)
    return None


def fingerprint(descriptor: int, offset: int) -> str:
    """A hash of the first and the last bytes before the offset: a file that was rewritten has others. Empty if the file is shorter."""
    head = _read_at(descriptor, min(_PROBE_BYTES, offset), 0)
    tail = _read_at(descriptor, min(_PROBE_BYTES, offset), max(0, offset - _PROBE_BYTES))
    if len(head) + len(tail) < 2 * min(_PROBE_BYTES, offset):
        return ""
    return sha256(head + tail).hexdigest()[:16]


def open_regular(path: str) -> int:
    """A descriptor. OSError if it is gone; a named pipe in its place does not block."""
    return os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))


def _read_at(descriptor: int, size: int, offset: int) -> bytes:
    # Windows has no pread.
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, size)
