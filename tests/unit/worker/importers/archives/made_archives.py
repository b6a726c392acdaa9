"""Archives made for tests, and what reading them gives."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import zstandard

from services.worker.importers.archives.archive_members import Member, read_members
from services.worker.persist.records import RecordError
from shared.claude_formats.upload_kinds import Kind
from tests.unit.worker.importers.transcript.rows_of_a_session import jsonl, prompt


def session(n: int, size: int = 50) -> bytes:
    return jsonl(*(prompt(row, f"u{n}-{row}", f"words {n}-{row}") for row in range(size)))


def tar_of(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return packed.getvalue()


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


PACK: dict[Kind, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar_of,
    "tar_gz": lambda members: gzip.compress(tar_of(members)),
    "tar_zst": lambda members: zstandard.compress(tar_of(members)),
    "zip": zip_of,
}
STREAMS = [kind for kind in PACK if kind != "zip"]


class Stream(io.RawIOBase):
    """A body that arrives: it cannot go back."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()


def opened(kind: Kind, packed: bytes, **options: Any) -> list[Any]:
    """Every Member as (name, kind, content or the OSError of reading it); the errors and the summary as they are."""
    found: list[Any] = []
    file: Any = io.BytesIO(packed) if kind == "zip" else Stream(packed)
    for one in read_members(file, kind, **options):
        if not isinstance(one, Member):
            found.append(one)
            continue
        try:
            content: Any = one.file.read()
        except OSError as error:
            content = error
        found.append((one.name, one.kind, content))
    return found


def members(found: list[Any]) -> list[Any]:
    return [one for one in found if isinstance(one, tuple)]


def codes(found: list[Any]) -> list[str]:
    return [one.code for one in found if isinstance(one, RecordError)]
