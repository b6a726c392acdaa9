"""Opens an export and checks all of it, before anything of it is stored: each member must be what the manifest says.

No name in it is used as a path. A member is found by its name in the manifest, and is read as rows or as a transcript's content, nothing else.
"""

import re
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from typing import IO, Final

import msgspec

from services.worker.importers.archives.member_file import UNPACKING_ERRORS
from services.worker.importers.archives.zip_members import check_directory
from services.worker.importers.formats.export_manifest import FORMAT, MANIFEST, VERSION, ExportManifest, ManifestMember
from services.worker.importers.unpacking_limits import Budget, Limits
from services.worker.persist.records import DAMAGED, RecordError
from shared.claude_formats.upload_kinds import EXPORT_MARKER

UNKNOWN_EXPORT: Final = "UNKNOWN_EXPORT"
# Half a kilobyte of memory for each member.
LIMITS: Final = Limits(entries=500_000, directory_bytes=256 * 1024**2, unpacked_bytes=1024**4)
MAX_MANIFEST_BYTES: Final = 256 * 1024**2
_READ_BYTES: Final = 1 << 18
_KNOWN_NAME: Final = re.compile(rf"{re.escape(EXPORT_MARKER)}|README\.txt|rows/[a-z_]+\.ndjson|transcripts/[^\x00-\x1f\\]+")


class Refused(Exception):
    """Nothing of the archive is stored. `error` says why, and what to do."""

    def __init__(self, error: RecordError) -> None:
        super().__init__(error.message)
        self.error = error


class OpenedExport:
    """An export of which every member is as its manifest says."""

    def __init__(self, archive: zipfile.ZipFile, manifest: ExportManifest) -> None:
        self._archive = archive
        self.manifest = manifest
        self.members: Mapping[str, ManifestMember] = {member.name: member for member in manifest.members}

    def open(self, name: str) -> IO[bytes]:
        """A member's content, from its beginning. KeyError if there is none of this name."""
        return self._archive.open(self.members[name].name)


def open_export(file: IO[bytes]) -> OpenedExport:
    """Refused if the archive is damaged, cut off, of another version, or not what its manifest says."""
    try:
        check_directory(file, Budget(LIMITS))
        archive = zipfile.ZipFile(file)
        manifest = _manifest_of(archive)
        _check_members(archive, manifest)
    except UNPACKING_ERRORS as error:
        # Says nothing of the content: zipfile's errors name members.
        raise _damaged(f"it cannot be read ({type(error).__name__})") from error
    return OpenedExport(archive, manifest)


def _manifest_of(archive: zipfile.ZipFile) -> ExportManifest:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise _damaged("it has no manifest, which is written last") from None
    if info.file_size > MAX_MANIFEST_BYTES:
        raise _damaged("its manifest is too long")
    content = archive.read(info)
    version = _version_of(content)
    if version != VERSION:
        message = (
            f"The export has version {version}, and this tracker reads version {VERSION}: bring the older of the two trackers up to date."
        )
        raise Refused(RecordError(code=UNKNOWN_EXPORT, message=message))
    try:
        return msgspec.json.decode(content, type=ExportManifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        where = str(error).partition(" - ")[2] if isinstance(error, msgspec.ValidationError) else "no JSON"
        raise _damaged(f"its manifest is none ({where})") from None


class _Head(msgspec.Struct):
    format: str
    version: int


def _version_of(content: bytes) -> int:
    try:
        head = msgspec.json.decode(content, type=_Head)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise _damaged("its manifest is no JSON") from None
    if head.format != FORMAT:
        raise Refused(RecordError(code=UNKNOWN_EXPORT, message="The manifest is not that of a tracker's export."))
    return head.version


def _check_members(archive: zipfile.ZipFile, manifest: ExportManifest) -> None:
    listed = {member.name: member for member in manifest.members}
    there = [info.filename for info in archive.infolist() if info.filename != MANIFEST]
    if len(listed) != len(manifest.members) or len(set(there)) != len(there) or set(there) != listed.keys():
        raise _damaged("its members are not those that its manifest lists")
    for name in listed:
        if not _KNOWN_NAME.fullmatch(name) or ".." in name.split("/"):
            raise _damaged("its manifest lists what no export has")
    for info in archive.infolist():
        if info.filename != MANIFEST:
            _check_member(archive, info, listed[info.filename])


def _check_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, member: ManifestMember) -> None:
    """Reads all of it, and no more than the manifest says, so that nothing unpacks to any size."""
    digest, size = sha256(), 0
    with archive.open(info) as content:
        while piece := content.read(_READ_BYTES):
            size += len(piece)
            if size > member.bytes:
                break
            digest.update(piece)
    if size != member.bytes or digest.hexdigest() != member.sha256:
        raise _damaged("a member is not what its manifest says")


def _damaged(why: str) -> Refused:
    message = f"The export is damaged or cut off, and nothing of it was imported: {why}. Download it again, and compare its SHA-256."
    return Refused(RecordError(code=DAMAGED, message=message))
