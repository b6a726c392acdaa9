"""A backup is a folder of files with a list of them and their checksums. Without the list it is not a backup."""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from deploy.embedded.supervision.processes import StartError
from deploy.migrations.first_schema import refusal
from shared.quantities import duration

FORMAT = 1
MANIFEST = "manifest.json"
DUMP, ROLES, JOURNAL, BLOBS, ARCHIVE = "postgres.dump", "roles.sql", "redis", "blobs", "archive"
# A lock of Postgres that keeps the archive's garbage from being collected (services/worker/archive/archive_locks.py). It belongs to the connection,
# not to a transaction: the snapshot is taken later.
KEEP_GARBAGE = f"SELECT pg_advisory_lock_shared({0x_1A904D})"
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Manifest:
    """`moment`: the backup has everything accepted until then. `uploads`: URL of the folder that they were in. `files`: {name: {"bytes": n, "sha256": hex}}."""

    format: int
    moment: str
    schema: str
    redis_version: str
    uploads: str
    files: dict[str, dict[str, Any]]


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which gets that name when all is in it. It is removed if it does not come to that."""
    made = folder.with_name(folder.name + ".unfinished")
    shutil.rmtree(made, ignore_errors=True)
    try:
        made.mkdir(mode=0o700, parents=True)
        yield made
        made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def report(folder: Path, manifest: Manifest, started: float) -> str:
    """Two sentences for the person who made it. `started`: the monotonic time."""
    size = sum(file["bytes"] for file in manifest.files.values())
    return (
        f"{folder}\nEverything accepted until {manifest.moment} is in it: {size / 1e6:,.1f} MB in {duration((time.monotonic() - started) * 1_000)}. "
        "It holds what was said in the sessions; keep it as private as they are, and on another disk."
    )


def copy(source: BinaryIO, target: Path, size_bytes: int | None = None) -> None:
    """Copies a file, or its first bytes, onto the disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("wb") as file:
        for chunk in _chunks(source, size_bytes):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def describe(folder: Path) -> dict[str, dict[str, Any]]:
    """The files below a folder, as a manifest lists them."""
    return {str(path.relative_to(folder)): _describe(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def write(folder: Path, manifest: Manifest) -> None:
    """Makes the folder a backup."""
    text = json.dumps(asdict(manifest), indent=1).encode()
    with (folder / MANIFEST).open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """The manifest of a complete backup. StartError if the folder is not a backup, is damaged, or is of another time."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise StartError(
            f"{folder} is no finished backup: its {MANIFEST} is missing or not readable; name a folder that `make backup` made."
        ) from None
    if manifest.format != FORMAT:
        raise StartError(f"{folder} was made by another release (format {manifest.format}); restore it with that release, then update.")
    if (reason := refusal(manifest.schema, str(folder))) is not None:
        raise StartError(reason)
    for name, wanted in manifest.files.items():
        if not (folder / name).is_file() or _describe(folder / name) != wanted:
            raise StartError(f"{folder / name} is missing or not what was written, so this backup is damaged; restore another one.")
    return manifest


def _describe(path: Path) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        for chunk in _chunks(file, None):
            digest.update(chunk)
            size += len(chunk)
    return {"bytes": size, "sha256": digest.hexdigest()}


def _chunks(source: BinaryIO, size_bytes: int | None) -> Iterator[bytes]:
    left = size_bytes
    while chunk := source.read(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES)):
        if left is not None:
            left -= len(chunk)
        yield chunk
