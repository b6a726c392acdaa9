"""Compares contents of the archive. The same content is in the same segments, unless a scrub has changed one of them: then bytes are compared."""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from shared.archive.stored_pieces import ContentUnreadable, read_segment
from shared.blobs.contents import ContentStore


class Content(NamedTuple):
    """The names of a content's segments, and its length in bytes."""

    sha256s: Sequence[bytes]
    raw_bytes: int


def begins_with(store: ContentStore, longer: Content, shorter: Content) -> bool:
    """Whether the one begins with the other, or is the same. False if a segment that would have to be compared cannot be read. BlobStoreAway."""
    if longer.raw_bytes < shorter.raw_bytes:
        return False
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(longer.sha256s, shorter.sha256s, strict=False)))
    try:
        return _are_same(_bytes_of(store, longer.sha256s[same:]), _bytes_of(store, shorter.sha256s[same:]))
    except ContentUnreadable:
        return False


def _are_same(long: Iterator[bytes], short: Iterator[bytes]) -> bool:
    """Whether the bytes of the second are those that the first begins with. Holds a segment of each."""
    ahead = b""
    for part in short:
        while len(ahead) < len(part):
            more = next(long, b"")
            if not more:
                return False
            ahead += more
        if not ahead.startswith(part):
            return False
        ahead = ahead[len(part) :]
    return True


def _bytes_of(store: ContentStore, sha256s: Sequence[bytes]) -> Iterator[bytes]:
    return (read_segment(store, sha256) for sha256 in sha256s)
