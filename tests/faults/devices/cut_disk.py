"""A disk whose state at one instant can be had: what a power cut would leave of it. Needs root, loop devices and mkfs.xfs.

The files are on an ext4 in an image; the image is a file on an XFS, which copies it in an instant. Data that a process has written
and not fsynced is in the ext4's page cache and so not in the copy. Data that the block device was given is taken as kept: a disk that lies
about its own cache is not imitated.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OUTER_BYTES = 16 * 1024**3
INNER_BYTES = 4 * 1024**3


class CutDisk:
    """`folder` is on it."""

    def __init__(self, outer: Path, folder: Path) -> None:
        self.folder = folder
        self._outer = outer

    def cut(self, name: str) -> Path:
        """The image as it is now."""
        image = self._outer / f"{name}.img"
        _run("cp", "--reflink=always", self._outer / "disk.img", image)
        return image


@contextmanager
def cut_disk(work: Path) -> Iterator[CutDisk]:
    """A new one, empty; its images are sparse files in `work`."""
    outer_image, outer, folder = work / "outer.img", work / "outer", work / "disk"
    _make(outer_image, OUTER_BYTES, "mkfs.xfs", "-q", "-f", "-m", "reflink=1")
    with mounted(outer_image, outer):
        _make(outer / "disk.img", INNER_BYTES, "mkfs.ext4", "-q", "-F")
        with mounted(outer / "disk.img", folder):
            yield CutDisk(outer, folder)
    outer_image.unlink()


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    """The image as a folder; an ext4 first does what it would do after a power cut."""
    folder.mkdir()
    _run("mount", "-o", "loop", image, folder)
    try:
        yield folder
    finally:
        _run("umount", folder)
        folder.rmdir()


def what_is_missing() -> str | None:
    """Why there can be none on this machine; None if there can."""
    missing = [name for name in ("mkfs.xfs", "mkfs.ext4", "mount", "losetup") if shutil.which(name) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    return None if Path("/dev/loop-control").exists() else "no loop devices"


def _make(image: Path, size_bytes: int, *command: str) -> None:
    with image.open("wb") as file:
        file.truncate(size_bytes)
    _run(*command, image)


def _run(*argv: str | Path) -> None:
    subprocess.run([str(word) for word in argv], check=True, capture_output=True)
