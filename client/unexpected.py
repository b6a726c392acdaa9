"""An error that nobody expected: one sentence with a way to report it, and exit code 70. `--debug` shows the trace instead."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from client.errors import UNEXPECTED
from client.version import version

DEBUG: Final = "--debug"
_MAX_MESSAGE: Final = 200


def without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The arguments without `--debug`, which may stand anywhere before `--`, and whether it is there."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [each for each in arguments[:end] if each != DEBUG]
    return [*kept, *arguments[end:]], len(kept) < end


@contextmanager
def reported(*, is_debug: bool) -> Iterator[None]:
    """Ends the process with exit code 70 at an error that is none of client/errors.py."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # whatever it is, a person reads it
        if is_debug:
            traceback.print_exception(error)
        else:
            sys.stderr.write(sentence_of(error) + "\n")
        sys.exit(UNEXPECTED)


def sentence_of(error: BaseException) -> str:
    """The error and its place, on one line; its text may come from a file or a server, so it has no control characters."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    text = "".join(character if character.isprintable() else " " for character in str(error))[:_MAX_MESSAGE]
    message = f": {text}" if text else ""
    return (
        f"tracker {version()} failed unexpectedly: {type(error).__name__}{place}{message}. "
        f"Please report it to whoever gave you tracker, with what the same command prints with {DEBUG}."
    )
