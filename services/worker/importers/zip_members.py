"""The members of a zip. Its list is at its end, so the file must be seekable."""

import struct
import zipfile
from collections.abc import Iterator
from typing import IO, cast

from services.worker.importers.archive_limits import Budget, LimitExceeded, Unreadable
from services.worker.importers.member_file import UNPACKING_ERRORS, Content, explained
from services.worker.importers.zip_salvage import salvaged_members
from services.worker.records import RecordError

READ_BYTES = 32_768
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_MAX_COMMENT = 65_535


def zip_members(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, Content] | RecordError]:
    """(name, content) of every regular file, in the order of the list; a RecordError for one that cannot be opened.

    Where the list itself is damaged or missing, what can be found without it, then Unreadable; LimitExceeded if it is too long.
    """
    try:
        _check_directory(file, budget)
        archive = zipfile.ZipFile(file)
    except LimitExceeded:
        raise
    except UNPACKING_ERRORS as error:
        yield from salvaged_members(file, budget)
        raise Unreadable(f"{explained(error)}; its members were looked for one after another") from error
    with archive:
        for member in archive.infolist():
            if member.filename.endswith("/") or (member.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                continue
            if member.flag_bits & _ENCRYPTED:
                yield RecordError(code="ENCRYPTED", message=f"{member.filename}: it is encrypted; upload the archive without a password.")
                continue
            try:
                content = cast(zipfile.ZipExtFile, archive.open(member))
            except UNPACKING_ERRORS as error:
                message = f"{member.filename}: it cannot be unpacked ({explained(error)})."
                yield RecordError(code="DAMAGED_MEMBER", message=message, offset=member.header_offset)
                continue
            with content:
                yield member.filename, _Counted(content, member, budget)


class _Counted:
    """A member's content whose unpacked bytes are counted."""

    def __init__(self, content: zipfile.ZipExtFile, member: zipfile.ZipInfo, budget: Budget) -> None:
        self._content = content
        self._packed = member.compress_size
        self._unpacked = 0
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        # Of a damaged member all before the damage is wanted; a larger read would be lost as a whole.
        data = self._content.read1(min(size, READ_BYTES))
        self._unpacked += len(data)
        self._budget.spend(len(data), unpacked_here=self._unpacked, packed_here=self._packed)
        return data


def _check_directory(file: IO[bytes], budget: Budget) -> None:
    """LimitExceeded before the list is read, if it says of itself that it is too long."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _MAX_COMMENT - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise Unreadable("its list of members, which is at its end, is missing")
    *_, entries, size, _offset, _comment = _END.unpack_from(tail, at)
    locator = at - _END_64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(min(_END_64_LOCATOR.unpack_from(tail, locator)[2], end))
        record = file.read(_END_64.size)
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            *_, entries, size, _offset = _END_64.unpack(record)
    if entries > budget.limits.entries:
        raise LimitExceeded(f"it has more than {budget.limits.entries} members")
    if size > budget.limits.directory_bytes:
        raise LimitExceeded(f"its list of members has more than {budget.limits.directory_bytes} bytes")
    file.seek(0)
