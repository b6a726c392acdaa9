"""A file's kind, SHA-256 and folders, over as many bytes as it had when it was found."""

from collections.abc import Callable
from hashlib import sha256

from client.history.claude_files import LocalFile
from client.history.folders import OVERLAP_BYTES, folders_in
from client.history.hash_cache import Content
from shared.claude_formats.upload_kinds import ARCHIVES, HEAD_BYTES, kind_of_head

READ_BYTES = 1 << 20


class BecameShorter(OSError):
    """The file was truncated or rewritten while it was read."""

    def __init__(self) -> None:
        super().__init__("became shorter while it was read")


def content_of(file: LocalFile, on_bytes: Callable[[int], None]) -> Content:
    """Reads the file and reports each number of bytes. OSError if it cannot be read.

    Archives, and files that are not sent, are read only at their beginning.
    """
    with file.path.open("rb") as opened:
        head = opened.read(min(HEAD_BYTES, file.size))
        seen = kind_of_head(head)
        if seen.kind in ("unknown", "credentials") or seen.kind in ARCHIVES:
            return Content(seen.kind, "", seen.problem)
        digest = sha256(head)
        on_bytes(len(head))
        folders, before = set(folders_in(head, seen.kind)), head[-OVERLAP_BYTES:]
        left = file.size - len(head)
        while left:
            part = opened.read(min(READ_BYTES, left))
            if not part:
                raise BecameShorter
            digest.update(part)
            folders.update(folders_in(before + part, seen.kind))
            before = part[-OVERLAP_BYTES:]
            on_bytes(len(part))
            left -= len(part)
    return Content(seen.kind, digest.hexdigest(), folders=tuple(sorted(folders)))
