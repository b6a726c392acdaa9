"""Builds `.venv` from requirements.lock, and a Redis server into it, with nothing but Python's standard library; does nothing if it is up to date.

Runs under any Python 3, to be able to say that it is too old.
"""

import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from typing import IO

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
LOCK = os.path.join(ROOT, "requirements.lock")
# A copy of the lock that is installed, made last.
STAMP = os.path.join(VENV, "installed.lock")
REDIS_INSTALL = os.path.join(ROOT, "deploy", "redis_install.py")
REDIS_LOCK = os.path.join(ROOT, "deploy", "embedded", "redis.lock")
REDIS_STAMP = os.path.join(VENV, "installed-redis.lock")
PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)
# Where nobody watches a terminal, a line so often.
LINE_SECONDS = 10.0
CANDIDATES = ("python3.12", "python3.11", "python3.13", "python3.14", "python3")


def main() -> None:
    """Leaves a `.venv` that has exactly what the lock names."""
    os.makedirs(VENV, exist_ok=True)
    with open(os.path.join(VENV, ".building"), "w") as building:
        # Two `make up` at the same time: the second waits and finds the work done.
        fcntl.flock(building, fcntl.LOCK_EX)
        if not is_current():
            build(find_python())
        if not has_redis():
            install_redis()


def is_current() -> bool:
    """Whether the lock is installed and the environment's Python still there, and is the one asked for."""
    version = version_of(PYTHON)
    asked = os.environ.get("PYTHON")
    return same_content(LOCK, STAMP) and version is not None and (not asked or version == version_of(asked))


def has_redis() -> bool:
    """Whether the locked Redis is installed, or another one is there and stands in for it."""
    servers = (os.path.join(VENV, "bin", "redis-server"), "redis-server", "valkey-server")
    return same_content(REDIS_LOCK, REDIS_STAMP) and any(shutil.which(server) for server in servers)


def install_redis() -> None:
    """If Redis is missing, prints what to install. Tasks that need no Redis continue; the next command tries again."""
    if subprocess.call([PYTHON, REDIS_INSTALL]) == 0:
        shutil.copyfile(REDIS_LOCK, REDIS_STAMP)


def build(python: str) -> None:
    """Makes the environment and installs into it."""
    count = locked_packages()
    print(  # noqa: T201
        f"Building .venv with {python}, once: {count} packages, 800 MB on the disk; half of it is for the tests.",
        flush=True,
    )
    if version_of(PYTHON) != version_of(python):
        empty(VENV)
    if subprocess.call([python, "-m", "venv", VENV]) != 0:
        sys.exit(no_venv(python))
    if not install_packages(count):
        sys.exit("The packages of requirements.lock could not be installed; pip's reason is above. Run the command again to go on.")
    shutil.copyfile(LOCK, STAMP)


def locked_packages() -> int:
    """How many packages the lock names; some are for other systems."""
    with open(LOCK, encoding="utf-8") as lock:
        return sum(re.match(r"[A-Za-z0-9._\[\],-]+==", line) is not None for line in lock)


def install_packages(count: int) -> bool:
    """Installs what the lock names and says how far it is. If that fails, pip's whole output is on standard error."""
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off", "--require-hashes", "-r", LOCK]
    pip = subprocess.Popen([PYTHON, "-m", "pip", "install", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said: list[str] = []
    reader = threading.Thread(target=read_lines, args=(pip.stdout, said), daemon=True)
    reader.start()
    shown, shown_at = "", time.monotonic() - LINE_SECONDS
    while reader.is_alive():
        reader.join(0.3)
        now = progress(said, count, installed_packages())
        if now != shown and (sys.stdout.isatty() or time.monotonic() - shown_at >= LINE_SECONDS):
            show(now)
            shown, shown_at = now, time.monotonic()
    if sys.stdout.isatty():
        show("")
    if pip.wait() != 0:
        sys.stderr.write("".join(said))
        return False
    return True


def read_lines(stream: "IO[bytes]", said: "list[str]") -> None:
    """Takes what pip says as it says it."""
    for line in stream:
        said.append(line.decode(errors="replace"))


def progress(said: "list[str]", count: int, installed: int) -> str:
    """One line for what pip has said so far: `Downloading 37 of 112: psycopg-binary (4.5 MB)`."""
    # For other systems
    count -= sum(line.startswith("Ignoring ") for line in said)
    if any(line.startswith("Installing collected packages") for line in said):
        return f"Installing {min(installed, count)} of {count}"
    names = [line.split()[1].split("==")[0] for line in said if line.startswith("Collecting ")]
    if not names:
        return "Asking for the packages"
    size = re.search(r"\(([0-9.]+ [kMG]?B)\)", said[-1]) if said[-1].lstrip().startswith("Downloading") else None
    return f"Downloading {min(len(names), count)} of {count}: {names[-1]}" + (f" ({size[1]})" if size else "")


def installed_packages() -> int:
    """How many packages the environment has by now."""
    folders = glob.glob(os.path.join(VENV, "lib", "python*", "site-packages", "*.dist-info"))
    return len(folders)


def show(line: str) -> None:
    """On a terminal in the place of the line before; else as a line of its own."""
    sys.stdout.write(f"\r\033[K{line}" if sys.stdout.isatty() else f"{line}\n")
    sys.stdout.flush()


def find_python() -> str:
    """PYTHON if set, else the first candidate that runs, is new enough and can make a virtual environment."""
    asked = os.environ.get("PYTHON")
    cannot = None
    for name in [asked] if asked else CANDIDATES:
        found = shutil.which(name)
        version = version_of(found) if found else None
        if found and version and version >= OLDEST:
            if can_make_venv(found):
                return found
            cannot = cannot or found
    if cannot:
        sys.exit(no_venv(cannot))
    missing = f"PYTHON={asked} is not" if asked else "There is no"
    sys.exit(f"{missing} Python 3.11 or newer; install one, or name it: make up PYTHON=/path/to/python3.12")


def can_make_venv(python: str) -> bool:
    """Debian and Ubuntu have the modules for it in a package of their own."""
    return subprocess.call([python, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL) == 0


def no_venv(python: str) -> str:
    """The message for a Python that cannot make a virtual environment."""
    version = ".".join(str(part) for part in version_of(python) or (3,))
    return f"{python} cannot make a virtual environment; on Debian and Ubuntu: apt install python{version}-venv"


def version_of(python: str) -> "tuple[int, ...] | None":
    """(3, 12), or None if it does not run."""
    try:
        answer = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2])"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(int(part) for part in answer.split())


def same_content(one: str, other: str) -> bool:
    """Whether two files exist and are equal."""
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            return first.read() == second.read()
    except FileNotFoundError:
        return False


def empty(folder: str) -> None:
    """Removes everything in a folder except our lock."""
    for entry in os.scandir(folder):
        if entry.name == ".building":
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


if __name__ == "__main__":
    main()
