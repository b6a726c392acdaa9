"""A small disk in place of a folder, filled and freed at will. Needs the right to mount; without it the test is skipped."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.skips import skip_without

CHUNK_BYTES = 64 * 1024


class SmallDisk:
    """`folder` is on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Not a byte is left."""
        with self._ballast.open("ab") as file:
            for size in (1024 * 1024, CHUNK_BYTES, 4096, 1):
                self._fill_by(file.fileno(), size)

    def _fill_by(self, descriptor: int, size: int) -> None:
        while True:
            try:
                if os.write(descriptor, b"\0" * size) < size:
                    return
            except OSError:
                return

    def free(self) -> None:
        """As much room as before."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mounts it over the folder, with what is in it copied onto it; `megabytes` is what is free then."""
    if shutil.which("mount") is None:
        skip_without("mount")
    used = sum(path.stat().st_blocks * 512 for path in folder.rglob("*")) + CHUNK_BYTES
    with tempfile.TemporaryDirectory() as kept:
        # With their owners, which PostgreSQL looks at.
        subprocess.run(["cp", "-a", f"{folder}/.", kept], check=True)
        size = f"size={used + megabytes * 1024**2}"
        mounting = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], capture_output=True, text=True, check=False)
        if mounting.returncode != 0:
            skip_without("mount")
        subprocess.run(["cp", "-a", f"{kept}/.", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
