"""What an import has to send: every file is known by its content, the server says which it has, the rest is cut into uploads."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from client.history import tar_stream
from client.history.claude_files import Found, LocalFile, Problem, reason_of
from client.history.contents import content_of
from client.history.hash_cache import HashCache
from client.server import Server
from shared.upload_kinds import ARCHIVES

# A manifest of this many of the longest names fits into the body that the server takes.
MANIFEST_FILES: Final = 2_000
# The server reads up to 100,000 members of an archive.
UPLOAD_FILES: Final = 50_000
# Of what is around the tar in a body; a little is for text that does not get smaller.
SPARE_BYTES: Final = 64 * 1024
MAX_NAME_CHARACTERS: Final = 4096
# Written to the disk while hashing, so that a long first run that is interrupted was not for nothing.
SAVE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Known:
    """A file that can be imported, and its content's SHA-256 in hex."""

    file: LocalFile
    sha256: str


@dataclass(slots=True)
class Plan:
    """What is to be sent, and what need not be."""

    to_send: list[Known] = field(default_factory=list)
    # Sent as they are: what is new in them only the server can tell.
    archives: list[LocalFile] = field(default_factory=list)
    known: int = 0
    known_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    max_upload_bytes: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there was nothing at all: to send, known, or to complain of."""
        return not (self.files or self.known or self.problems)

    @property
    def files(self) -> list[LocalFile]:
        return [known.file for known in self.to_send] + self.archives


def make_plan(found: Found, cache: HashCache, server: Server, user: str | None, on_bytes: Callable[[int], None]) -> Plan:
    """Reads what the cache does not know, then asks the server."""
    plan = Plan(problems=list(found.problems))
    files: dict[str, Known] = {}
    for known in _known_files(found.files, cache, plan, on_bytes):
        # The same content in two places is sent once.
        if known.sha256 in files:
            _count(plan, known)
        files.setdefault(known.sha256, known)
    _ask(server, list(files.values()), user, plan)
    return plan


def problems_alone(found: Found, cache: HashCache) -> list[Problem]:
    """Why nothing can be imported of what was found, without asking the server; nothing if something can be, or may be once it is written."""
    plan = Plan(problems=list(found.problems))
    is_hopeful = any(True for _ in _known_files(found.files, cache, plan, lambda _: None)) or plan.archives
    return [] if is_hopeful or any(file.size == 0 for file in found.files) else plan.problems


def _known_files(found: Iterable[LocalFile], cache: HashCache, plan: Plan, on_bytes: Callable[[int], None]) -> Iterator[Known]:
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
        if content.kind in ARCHIVES:
            # In a folder nothing is called like one.
            plan.archives.append(file)
        elif content.kind == "credentials":
            plan.problems.append(Problem(str(file.path), "holds credentials, which are never imported"))
        elif content.kind != "unknown":
            yield Known(file, content.sha256)
        elif file.is_given:
            plan.problems.append(Problem(str(file.path), content.problem))
        if time.monotonic() - saved > SAVE_SECONDS:
            cache.save()
            saved = time.monotonic()
    cache.save()


def _ask(server: Server, files: list[Known], user: str | None, plan: Plan) -> None:
    """An empty manifest is asked too: it tells what an upload may have, and whether the server is there."""
    for start in range(0, max(len(files), 1), MANIFEST_FILES):
        part = files[start : start + MANIFEST_FILES]
        manifest = [{"path": _shown(known.file), "size": known.file.size, "sha256": known.sha256} for known in part]
        answer = server.ask("POST", "/api/import/manifest", {"files": manifest} | ({"user": user} if user else {}))
        plan.max_upload_bytes = answer["max_upload_bytes"]
        unseen = set(answer["unseen"])
        for index, known in enumerate(part):
            if index in unseen:
                plan.to_send.append(known)
            else:
                _count(plan, known)


def _count(plan: Plan, known: Known) -> None:
    plan.known += 1
    plan.known_bytes += known.file.size


def _shown(file: LocalFile) -> str:
    return file.name[-MAX_NAME_CHARACTERS:].encode("utf-8", "replace").decode()


def split(files: Iterable[Known], max_bytes: int) -> Iterator[list[Known]]:
    """The uploads: as few as can be, none larger than the server takes even if it does not pack at all. One file is never cut."""
    upload: list[Known] = []
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
