"""Plans an import: hashes every file, asks the server which it has, and divides the rest into uploads."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from client.capture.transcripts.left_out import LeftOut
from client.history import tar_stream
from client.history.claude_files import Found, LocalFile, Problem, reason_of
from client.history.contents import content_of
from client.history.folders import without_folders
from client.history.hash_cache import HashCache
from client.http.server import Server
from shared.claude_formats.upload_kinds import ARCHIVES, Kind

# A manifest of this many files fits into the largest body that the server takes, even with the longest names.
MANIFEST_FILES: Final = 2_000
# The server reads at most 100,000 members of an archive.
UPLOAD_FILES: Final = 50_000
# For the multipart body around the tar, and for data that does not compress.
SPARE_BYTES: Final = 64 * 1024
MAX_NAME_CHARACTERS: Final = 4096
# How often the cache is saved while hashing, so that an interrupted first run keeps its work.
SAVE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A file that can be imported, and the SHA-256 of its content in hex."""

    file: LocalFile
    sha256: str


@dataclass(slots=True)
class Plan:
    """The files to send, and the number of those that the server has."""

    to_send: list[HashedFile] = field(default_factory=list)
    # Sent unchanged: only the server can tell what is new in them.
    archives: list[LocalFile] = field(default_factory=list)
    known: int = 0
    known_bytes: int = 0
    known_files: list[LocalFile] = field(default_factory=list)
    # Files of which nothing may leave the machine.
    left_out: int = 0
    problems: list[Problem] = field(default_factory=list)
    max_upload_bytes: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing that was found can be imported."""
        return not (self.files or self.known or self.problems or self.left_out)

    @property
    def files(self) -> list[LocalFile]:
        return [known.file for known in self.to_send] + self.archives


class LeaveOut(NamedTuple):
    """Folders of which nothing is sent, and where files without them are written."""

    folders: LeftOut
    temporary: Path


def make_plan(
    found: Found, cache: HashCache, server: Server, user: str | None, leave_out: LeaveOut | None, on_bytes: Callable[[int], None]
) -> Plan:
    """Hashes the files that the cache does not have, then asks the server which are new."""
    plan = Plan(problems=list(found.problems))
    files: dict[str, HashedFile] = {}
    for known in _hashed_files(found.files, cache, plan, leave_out, on_bytes):
        # The same content in two places is sent once.
        if known.sha256 in files:
            _count_known(plan, known)
        files.setdefault(known.sha256, known)
    _ask_server(server, list(files.values()), user, plan)
    return plan


def _hashed_files(
    found: Iterable[LocalFile], cache: HashCache, plan: Plan, leave_out: LeaveOut | None, on_bytes: Callable[[int], None]
) -> Iterator[HashedFile]:
    saved = time.monotonic()
    for file in found:
        content = cache.get(file)
        if content is None:
            try:
                content = content_of(file, on_bytes)
            except OSError as error:
                plan.problems.append(Problem(str(file.path), reason_of(error)))
                continue
            cache.put(file, content)
        if leave_out is not None and any(leave_out.folders.has(folder) for folder in content.folders):
            yield from _without_folders(file, content.kind, plan, leave_out)
        elif content.kind in ARCHIVES:
            # Only a named file can be an archive: folders are not searched for archives.
            plan.archives.append(file)
        elif content.kind == "credentials":
            plan.problems.append(Problem(str(file.path), "holds credentials, which are never imported"))
        elif content.kind != "unknown":
            yield HashedFile(file, content.sha256)
        elif file.is_given:
            plan.problems.append(Problem(str(file.path), content.problem))
        if time.monotonic() - saved > SAVE_SECONDS:
            cache.save()
            saved = time.monotonic()
    cache.save()


def _without_folders(file: LocalFile, kind: Kind, plan: Plan, leave_out: LeaveOut) -> Iterator[HashedFile]:
    """The file without what belongs to folders that are left out; nothing if all of it does."""
    try:
        kept = without_folders(file, kind, leave_out.folders, leave_out.temporary)
        if kept is None:
            plan.left_out += 1
        else:
            yield HashedFile(kept, content_of(kept, lambda _: None).sha256)
    except (OSError, ValueError) as error:
        reason = reason_of(error) if isinstance(error, OSError) else "is damaged"
        plan.problems.append(Problem(str(file.path), f"{reason}, and speaks of a folder that is left out, so it is not sent"))


def _ask_server(server: Server, files: list[HashedFile], user: str | None, plan: Plan) -> None:
    """Sends an empty manifest too: the answer has the upload limit, and shows that the server is there."""
    for start in range(0, max(len(files), 1), MANIFEST_FILES):
        part = files[start : start + MANIFEST_FILES]
        manifest = [{"path": _manifest_path(known.file), "size": known.file.size, "sha256": known.sha256} for known in part]
        answer = server.ask("POST", "/api/import/manifest", {"files": manifest} | ({"user": user} if user else {}))
        plan.max_upload_bytes = answer["max_upload_bytes"]
        unseen = set(answer["unseen"])
        for index, known in enumerate(part):
            if index in unseen:
                plan.to_send.append(known)
            else:
                _count_known(plan, known)


def _count_known(plan: Plan, known: HashedFile) -> None:
    plan.known += 1
    plan.known_bytes += known.file.size
    plan.known_files.append(known.file)


def _manifest_path(file: LocalFile) -> str:
    return file.name[-MAX_NAME_CHARACTERS:].encode("utf-8", "replace").decode()


def split(files: Iterable[HashedFile], max_bytes: int) -> Iterator[list[HashedFile]]:
    """The files in as few uploads as possible, each within the server's limit even if nothing compresses. Files are not split."""
    upload: list[HashedFile] = []
    size = 0
    for known in files:
        more = tar_stream.member_bytes(known.file)
        if upload and (size + more > max_bytes - SPARE_BYTES or len(upload) >= UPLOAD_FILES):
            yield upload
            upload, size = [], 0
        upload.append(known)
        size += more
    if upload:
        yield upload
