"""The members of a zip. Its directory is at its end, so the file must be seekable."""

import struct
import zipfile
from collections.abc import Iterator
from typing import IO, cast

from services.worker.importers.archives.member_file import UNPACKING_ERRORS, Content, explained
from services.worker.importers.archives.zip_salvage import salvaged_members
from services.worker.importers.unpacking_limits import Budget, LimitExceeded, Unreadable
from services.worker.persist.records import RecordError

READ_BYTES = 32_768
_ENCRYPTED = 0x1
_END = struct.Struct("<4s4H2LH")
_END_64_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_MAX_COMMENT = 65_535
_LISTED = struct.Struct("<4s6H3L5H2L")
_LOCAL_HEADER_BYTES = 30


def zip_members(file: IO[bytes], budget: Budget) -> Iterator[tuple[str, Content] | RecordError]:
    """(name, content) of every regular file, in the directory's order; a RecordError for one that cannot be opened.

    If the directory is damaged or missing, gives what can be found without it, then raises Unreadable. LimitExceeded if it is too long.
    """
    try:
        check_directory(file, budget)
        archive = zipfile.ZipFile(file)
    except LimitExceeded:
        raise
    except UNPACKING_ERRORS as error:
        yield from salvaged_members(file, budget)
        raise Unreadable(f"{explained(error)}; its members were looked for one after another") from error
    with archive:
        members = archive.infolist()
        overlapping = _overlapping(members)
        for place, member in enumerate(members):
            if place in overlapping:
                message = f"{member.filename}: it shares its bytes with another member, which no program packs."
                yield RecordError(code="DAMAGED_MEMBER", message=message, offset=member.header_offset)
                continue
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
            budget.take(member.compress_size)
            with content:
                yield member.filename, _Counted(content, member, budget)


def _overlapping(members: list[zipfile.ZipInfo]) -> set[int]:
    """Places in the directory of members that overlap an earlier one. Thousands of members could be made of the same bytes."""
    found: set[int] = set()
    end = 0
    for place in sorted(range(len(members)), key=lambda place: members[place].header_offset):
        member = members[place]
        if member.header_offset < end:
            found.add(place)
        else:
            end = member.header_offset + _LOCAL_HEADER_BYTES + member.compress_size
    return found


class _Counted:
    """A member's content, which counts its unpacked bytes."""

    def __init__(self, content: zipfile.ZipExtFile, member: zipfile.ZipInfo, budget: Budget) -> None:
        self._content = content
        self._packed = member.compress_size
        self._unpacked = 0
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        # Small reads: if the member is damaged, a read is lost as a whole, and all before the damage is wanted.
        data = self._content.read1(min(size, READ_BYTES))
        self._unpacked += len(data)
        self._budget.spend(len(data), unpacked_here=self._unpacked, packed_here=self._packed)
        return data


def check_directory(file: IO[bytes], budget: Budget) -> None:
    """LimitExceeded if the directory is too long. Checked before the directory is read, and without trust in its own counts."""
    end = file.seek(0, 2)
    file.seek(max(0, end - _MAX_COMMENT - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise Unreadable("its list of members, which is at its end, is missing")
    *_, entries, size, _offset, _comment = _END.unpack_from(tail, at)
    list_end = max(0, end - len(tail)) + at
    locator = at - _END_64_LOCATOR.size
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(min(_END_64_LOCATOR.unpack_from(tail, locator)[2], end))
        record = file.read(_END_64.size)
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            *_, entries, size, _offset = _END_64.unpack(record)
            list_end += -_END_64_LOCATOR.size - _END_64.size
    if entries > budget.limits.entries:
        raise LimitExceeded(f"it has more than {budget.limits.entries} members")
    if size > budget.limits.directory_bytes:
        raise LimitExceeded(f"its list of members has more than {budget.limits.directory_bytes} bytes")
    file.seek(max(0, list_end - size))
    if _listed(file.read(size), budget.limits.entries) > budget.limits.entries:
        raise LimitExceeded(f"it has more than {budget.limits.entries} members")
    file.seek(0)


def _listed(members: bytes, at_most: int) -> int:
    """How many members the directory has, as far as it can be read. zipfile would make an object of each."""
    count = at = 0
    while count <= at_most and len(members) - at >= _LISTED.size and members.startswith(b"PK\x01\x02", at):
        *_, name, extra, comment, _disk, _internal, _external, _offset = _LISTED.unpack_from(members, at)
        at += _LISTED.size + name + extra + comment
        count += 1
    return count
