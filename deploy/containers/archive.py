"""The archive's contents in the volume `archive`. They never change, and none is deleted while a backup is made (snapshot.py)."""

from pathlib import Path
from typing import Final

from deploy.containers.compose import feed, save

FOLDER: Final = "/var/lib/tracker/archive"
# Run in a container of query, which reads the folder. With the archive in a bucket the folder is empty.
_PACK: Final = f"""
import sys, tarfile
from shared.blobs.content_folder import ContentFolder
from shared.blobs.contents import path_of
store = ContentFolder({f"file://{FOLDER}"!r})
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as packed:
    for content in store.stored():
        packed.add(store.folder / path_of(content.name), arcname=path_of(content.name))
"""
# Run in a container of worker-import, which writes it.
_UNPACK: Final = f"""
import os, sys, tarfile
os.umask(0o077)
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as packed:
    packed.extractall({FOLDER!r}, filter="data")
"""


def pack(target: Path) -> None:
    """The contents as a tar."""
    save(target, "query", "python", "-c", _PACK)


def unpack(source: Path) -> None:
    """Writes the contents into the volume of a stack that is not running."""
    feed(source, "worker-import", "python", "-c", _UNPACK)
