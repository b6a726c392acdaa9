"""Tells the shipper which transcripts an import has brought, so that it does not send them again until they grow."""

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from client.capture.folder import make_private_folder, write_private
from client.capture.transcripts.transcript_files import place_of

_FOLDER: Final = "imported"

# Path, size and time of change in nanoseconds.
Version = tuple[str, int, int]


def remember_imported(folder: Path, versions: Iterable[Version]) -> None:
    """For the shipper of this capture folder. Without such a folder nothing is captured, so there is nobody to tell."""
    told = [version for version in versions if place_of(version[0]) is not None]
    if not told or not folder.is_dir():
        return
    # The shipper then sends them again, which costs time and nothing else.
    with suppress(OSError):
        make_private_folder(folder / _FOLDER)
        write_private(folder / _FOLDER / secrets.token_hex(8), "".join(json.dumps(version) + "\n" for version in told))


def take_imported(folder: Path) -> Iterator[Version]:
    """The versions that imports have told since the last call."""
    try:
        names = sorted(os.listdir(folder / _FOLDER))
    except FileNotFoundError:
        return
    for name in names:
        path = folder / _FOLDER / name
        if name.startswith("."):
            # Being written.
            continue
        for line in path.read_bytes().splitlines():
            # A line that a broken disk damaged is sent again.
            with suppress(ValueError, TypeError):
                version, size, mtime_ns = json.loads(line)
                yield version, size, mtime_ns
        path.unlink(missing_ok=True)
