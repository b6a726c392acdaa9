"""Uploads in the volume `blobs`: hard links to the present ones, which remain when a finished import deletes its uploads."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.containers.compose import feed, run, save

FOLDER: Final = "/var/lib/tracker/blobs"
# Below the folder, since a hard link needs the same disk. No upload has this name.
_LINKS: Final = f"{FOLDER}/.backup-links"
# Run in a container of ingest, which has the folder and Python.
_LINK: Final = f"""
import os, sys
from pathlib import Path
links = Path({_LINKS!r})
links.mkdir(mode=0o700, exist_ok=True)
for upload in Path({FOLDER!r}).iterdir():
    if upload.is_file() and not (links / upload.name).exists():
        try:
            os.link(upload, links / upload.name)
        except FileNotFoundError:
            continue
"""
_REMOVE: Final = f"import shutil; shutil.rmtree({_LINKS!r}, ignore_errors=True)"
_PACK: Final = f"""
import sys, tarfile
with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as archive:
    archive.add({_LINKS!r}, arcname=".")
"""
_UNPACK: Final = f"""
import sys, tarfile
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as archive:
    archive.extractall({FOLDER!r}, filter="data")
"""


@contextmanager
def links() -> Iterator[None]:
    """The links exist inside the `with`: for all uploads present at its beginning, and at each `link`."""
    _inside(_REMOVE)
    link()
    try:
        yield
    finally:
        _inside(_REMOVE)


def link() -> None:
    """Links the uploads that have come since."""
    _inside(_LINK)


def pack(target: Path) -> None:
    """The linked uploads as a tar."""
    save(target, "ingest", "python", "-c", _PACK)


def unpack(source: Path) -> None:
    """Writes the uploads into the volume of a stack that is not running."""
    feed(source, "ingest", "python", "-c", _UNPACK)


def _inside(program: str) -> None:
    run("exec", "--no-TTY", "ingest", "python", "-c", program)
