"""The members of a zip whose directory is damaged or cut off, found by their local headers."""

import struct
import zlib
from collections.abc import Iterator
from typing import IO

from services.worker.importers.archives.member_file import Content
from services.worker.importers.unpacking_limits import Budget, LimitExceeded, Unreadable
from services.worker.persist.records import RecordError

_SIGNATURE = b"PK\x03\x04"
_LIST_SIGNATURE = b"PK\x01\x02"
_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED, _SIZES_FOLLOW, _UTF_8 = 0x1, 0x8, 0x800
_STORED, _DEFLATED = 0, 8
_READ_BYTES = 65_536
_IN_AN_EXTRA_FIELD = 0xFFFFFFFF


def salvaged_members(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, Content] | RecordError]:
    """(name, content) of every file whose local header can be found, in their order; a RecordError for an encrypted one."""
    place, entries = 0, 0
    while (place := _next(file, place)) >= 0:
        file.seek(place)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        _, _, flags, method, _, _, _, packed, _, name_bytes, extra_bytes = _HEADER.unpack(header)
        written = file.read(name_bytes)
        name = written.decode("utf-8" if flags & _UTF_8 else "cp437", "replace")
        begin = place + _HEADER.size + name_bytes + extra_bytes
        known_size = packed if not flags & _SIZES_FOLLOW and packed != _IN_AN_EXTRA_FIELD else None
        place = begin
        entries += 1
        if entries > budget.limits.entries:
            raise LimitExceeded(f"it has more than {budget.limits.entries} members")
        if flags & _ENCRYPTED:
            yield RecordError(code="ENCRYPTED", message=f"{name}: it is encrypted; upload the archive without a password.", offset=begin)
        elif name.endswith("/") or method not in (_STORED, _DEFLATED) or (method == _STORED and known_size is None):
            continue
        else:
            content = _Packed(file, begin, known_size, method, budget)
            yield name, content
            place = max(begin, content.place) if known_size is None else begin + known_size


def _next(file: IO[bytes], place: int) -> int:
    """Where the next header begins, at or after `place`; -1 if the directory or the end of the file comes first."""
    file.seek(place)
    rest = b""
    while chunk := file.read(_READ_BYTES):
        chunk = rest + chunk
        found, of_list = chunk.find(_SIGNATURE), chunk.find(_LIST_SIGNATURE)
        if found >= 0 and not 0 <= of_list < found:
            return place + found
        if of_list >= 0:
            return -1
        rest = chunk[-3:]
        place += len(chunk) - len(rest)
    return -1


class _Packed:
    """Unpacks from `begin` on, at any position of the file that other readers left. `place` is how far it has read."""

    def __init__(self, file: IO[bytes], begin: int, size: int | None, method: int, budget: Budget) -> None:
        self._file = file
        self._begin = begin
        self.place = begin
        self._end = None if size is None else begin + size
        self._inflate = zlib.decompressobj(wbits=-15) if method == _DEFLATED else None
        self._waiting = b""
        self._unpacked = 0
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(_READ_BYTES), b""))
        data = b""
        # To zlib a limit of 0 means no limit.
        while size and not data and not self._is_done():
            packed = self._waiting or self._packed(size)
            if self._inflate is None:
                data = packed
            else:
                data = self._inflate.decompress(packed, size)
                self._waiting = self._inflate.unconsumed_tail
                self.place -= len(self._inflate.unused_data)
        self._unpacked += len(data)
        self._budget.spend(len(data), unpacked_here=self._unpacked, packed_here=self.place - self._begin)
        return data

    def _is_done(self) -> bool:
        return self._inflate.eof if self._inflate is not None else self.place == self._end

    def _packed(self, size: int) -> bytes:
        self._file.seek(self.place)
        left = _READ_BYTES if self._end is None else self._end - self.place
        packed = self._file.read(min(_READ_BYTES, left, size if self._inflate is None else left))
        if not packed:
            raise Unreadable("it ends in the middle of this member")
        self.place += len(packed)
        self._budget.take(len(packed))
        return packed
