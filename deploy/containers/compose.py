"""Runs `docker compose` from a program. COMPOSE_PROJECT_NAME and COMPOSE_ENV_FILES choose the project and the settings file.

Only the standard library, as in all of this folder: a machine that has Docker may have nothing else.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

REPOSITORY: Final = Path(__file__).parent.parent.parent
COMPOSE: Final = ("docker", "compose", "--progress", "quiet")


class ContainersError(Exception):
    """A person has to correct something; the message says what."""


def run(*arguments: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None) -> str:
    """The output of `docker compose …`, without its last newline; empty if it goes to `stdout`. ContainersError if it fails."""
    done = subprocess.run(
        [*COMPOSE, *arguments],
        cwd=REPOSITORY,
        stdin=stdin or subprocess.DEVNULL,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-800:]
        raise ContainersError(f"`docker compose {' '.join(arguments)[:120]}` failed; it said: {said or 'nothing'}")
    return (done.stdout or b"").decode().rstrip("\n")


def save(target: Path, service: str, *program: str) -> None:
    """Writes the output of a program in a service's container to the disk."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.open("xb") as file:
        run("exec", "--no-TTY", service, *program, stdout=file)
        os.fsync(file.fileno())


def feed(source: Path, service: str, *program: str) -> None:
    """Runs a program with the service's image and volumes, while its stack does not run. A file is its input."""
    with source.open("rb") as file:
        run("run", "--rm", "--no-deps", "--no-TTY", service, *program, stdin=file)


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    """`docker compose …` with pipes to its input and from its output."""
    return subprocess.Popen([*COMPOSE, *arguments], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def containers(service: str | None = None, *, also_stopped: bool = False) -> list[dict[str, Any]]:
    """The project's containers, as `docker compose ps` lists them: ID, Name, Service, State, Health, ExitCode."""
    options = ["--all"] if also_stopped else []
    lines = run("ps", "--format", "json", *options, *([service] if service else [])).splitlines()
    return [json.loads(line) for line in lines]


def docker(*arguments: str) -> str:
    """The output of `docker …`. ContainersError if it fails."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ContainersError(f"`docker {' '.join(arguments)[:120]}` failed; it said: {done.stderr.strip()[-800:]}")
    # A container's log arrives on both stdout and stderr.
    return (done.stdout + done.stderr if arguments[0] == "logs" else done.stdout).rstrip("\n")


def as_program(main: Callable[[list[str]], None]) -> None:
    """Runs `main` with the command line; an error is a sentence and exit code 1."""
    try:
        main(sys.argv[1:])
    except ContainersError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def say(text: str) -> None:
    """Prints a line that shows the progress."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
