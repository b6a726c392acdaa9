"""Streams the importable members of a zip or tar. Content decides a kind. Nothing is unpacked to disk; no name is used as a path."""

from collections import Counter
from collections.abc import Container, Iterator
from typing import IO, cast

from msgspec import Struct

from services.worker.importers.archives.member_file import Content, MemberFile
from services.worker.importers.archives.tar_members import tar_members
from services.worker.importers.archives.zip_members import zip_members
from services.worker.importers.formats.sanitize import clean
from services.worker.importers.unpacking_limits import LIMIT_EXCEEDED, Budget, LimitExceeded, Limits, Unreadable
from services.worker.persist.records import DAMAGED, RecordError
from shared.claude_formats.upload_kinds import ARCHIVES, CREDENTIALS_NAME, HEAD_BYTES, NOT_OURS, Kind, kind_of_head

MAX_NAME_CHARACTERS = 255
DEFAULT_LIMITS = Limits()


class Member(Struct):
    """A file of the archive that an importer can read. `index` counts all files of the archive, and is always the same."""

    index: int
    name: str
    kind: Kind
    # Valid until the next member is asked for.
    file: IO[bytes]


class ArchiveSummary(Struct):
    """The end of an archive: the numbers of files that were given and that were not, by kind."""

    given: dict[str, int]
    skipped: dict[str, int]


def read_members(
    file: IO[bytes], kind: Kind, *, limits: Limits = DEFAULT_LIMITS, only: Container[int] | None = None
) -> Iterator[Member | RecordError | ArchiveSummary]:
    """The members of an archive of that kind, only those in `only` if given; at last an ArchiveSummary.

    A zip must be seekable, a tar need not be. A member that cannot be read gives a RecordError, and the others follow. If the archive itself
    is damaged or exceeds a limit, the RecordError comes after all that could be read, and is the last.
    """
    given: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    budget = Budget(limits)
    try:
        for index, found in enumerate(zip_members(file, budget) if kind == "zip" else tar_members(file, kind, budget)):
            if only is not None and index not in only:
                continue
            if isinstance(found, RecordError):
                skipped["unreadable"] += 1
                yield _shown(found)
                continue
            member = _member(index, *found)
            if member.kind in ("credentials", "unknown") or member.kind in ARCHIVES:
                skipped[member.kind] += 1
                if (error := _why(member)) is not None:
                    yield error
            else:
                given[member.kind] += 1
                yield member
    except LimitExceeded as error:
        yield RecordError(code=LIMIT_EXCEEDED, message=f"The archive is not read any further: {error}.", offset=_place(file))
    except Unreadable as error:
        message = f"The archive is damaged near this place, what was before it is imported: {error}."
        yield RecordError(code=DAMAGED, message=message, offset=_place(file))
    yield ArchiveSummary(given=dict(given), skipped=dict(skipped))


def _member(index: int, name: str, content: Content) -> Member:
    parts = name.replace("\\", "/").split("/")
    file = MemberFile(content)
    if parts[-1] == CREDENTIALS_NAME:
        kind: Kind = "credentials"
    elif NOT_OURS.intersection(parts[:-1]):
        kind = "unknown"
    else:
        kind = kind_of_head(file.peek(HEAD_BYTES)).kind
    return Member(index, _shown_name(name), kind, cast(IO[bytes], file))


def _why(member: Member) -> RecordError | None:
    """The error for a member that is left out; None for files of unknown kinds, which are not reported."""
    if member.kind == "credentials":
        return RecordError(code="CREDENTIALS", message=f"{member.name}: credentials are never imported; it was left out unread.")
    if member.kind in ARCHIVES:
        return RecordError(code="NESTED_ARCHIVE", message=f"{member.name}: an archive in an archive is not opened; upload it by itself.")
    return None


def _shown(error: RecordError) -> RecordError:
    name, colon, rest = error.message.rpartition(": ")
    return RecordError(code=error.code, message=f"{_shown_name(name)}{colon}{rest}", offset=error.offset)


def _shown_name(name: str) -> str:
    """The last characters of a name, as printable text."""
    return "".join(character for character in clean(name) if character.isprintable())[-MAX_NAME_CHARACTERS:] or "(unnamed)"


def _place(file: IO[bytes]) -> int | None:
    try:
        return file.tell()
    except (OSError, ValueError):
        return None
