"""Folders for unix sockets: private, and with a path short enough for the kernel."""

import hashlib
import os
import tempfile
from pathlib import Path

from deploy.embedded.supervision.processes import StartError

# sun_path is 108 bytes with its NUL on Linux and 104 on macOS and the BSDs.
LONGEST_PATH_BYTES = 107 if os.uname().sysname == "Linux" else 103


def socket_folder(wanted: Path, socket_name: str, owner: tuple[int, int] | None = None) -> Path:
    """Makes a folder (0700) for a socket: `wanted`, or a short one below the temporary folder if its path would be too long.

    The short one's name comes from the path of `wanted`, so that two stacks never share it and a restart finds it again.
    """
    folder = wanted if _fits(wanted / socket_name) else _short(wanted)
    if not _fits(folder / socket_name):
        raise StartError(
            f"The temporary folder {folder.parent} has too long a path for a socket; set TMPDIR to a shorter one, e.g. TMPDIR=/tmp."
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _claim(folder, owner or (os.geteuid(), os.getegid()))
    return folder


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_PATH_BYTES


def _short(wanted: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"tracker-{digest}"


def _claim(folder: Path, owner: tuple[int, int]) -> None:
    """Every user may write to the temporary folder, so a folder with our name there must be ours."""
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid not in (os.geteuid(), owner[0]):
        raise StartError(
            f"{folder} belongs to somebody else, and sockets must be private; remove it, or set TMPDIR to a folder of your own."
        )
    if (found.st_uid, found.st_gid) != owner and os.geteuid() == 0:
        os.chown(folder, *owner)
    folder.chmod(0o700)
