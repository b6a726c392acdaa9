"""Puts a transcript where Claude Code looks for it, and never loses what is there.

Both files are compared line by line. A line of the archive equals the line here if only secrets were replaced in it.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

_SECRET: Final = re.compile(rb"\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\]")
_ENDING: Final = ".before-resume"


class State(Enum):
    """How the file here relates to the one in the archive."""

    MISSING = "missing"
    SAME = "same"
    OLDER = "older"
    NEWER = "newer"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`same` lines at the beginning are equal. After them the file here has `more_here` lines, and the archive `more_there`."""

    state: State
    same: int = 0
    more_here: int = 0
    more_there: int = 0


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A new file, 0600, in the folder of the target, so that it can take the target's place at once. It is removed if it does not."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Claude Code reads files that end in .jsonl; this one does not.
    descriptor, name = tempfile.mkstemp(prefix=".tracker-", dir=target.parent)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def compare(here: Path, archived: Path) -> Comparison:
    """Compares the file here with one from the archive.

    A line without an end, which Claude Code is still writing, does not count where the archive goes on with it, or has nothing more.
    """
    if not here.exists():
        return Comparison(State.MISSING)
    with here.open("rb") as ours, archived.open("rb") as theirs:
        same = 0
        while True:
            our_line, their_line = ours.readline(), _whole_line(theirs)
            if not their_line or not our_line.endswith(b"\n") or not _is_same(our_line, their_line):
                break
            same += 1
        more_there = _count(their_line, theirs)
        is_whole = our_line.endswith(b"\n")
        more_here = _count(our_line, ours) if is_whole else int(bool(their_line) and not _may_begin(our_line, their_line))
    states = {(False, False): State.SAME, (False, True): State.OLDER, (True, False): State.NEWER, (True, True): State.DIFFERENT}
    return Comparison(states[more_here > 0, more_there > 0], same, more_here, more_there)


def replace(target: Path, archived: Path, comparison: Comparison) -> None:
    """Puts the archived file in the target's place. An older target keeps its own lines, with their secrets, and gets the lines that it lacks.

    A target that is newer or different is kept beside it, as `NAME.jsonl.before-resume`, or with a number behind it.
    """
    if comparison.state is State.SAME:
        archived.unlink()
        return
    if comparison.state is State.OLDER:
        _keep_lines(target, archived, comparison.same)
    elif comparison.state in (State.NEWER, State.DIFFERENT):
        os.replace(target, _free_name(target))
    with archived.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(archived, target)


def _free_name(target: Path) -> Path:
    """Where the target is kept: what was kept there before stays."""
    kept = target.with_name(target.name + _ENDING)
    number = 1
    while kept.exists():
        number += 1
        kept = target.with_name(f"{target.name}{_ENDING}-{number}")
    return kept


def _keep_lines(target: Path, archived: Path, same: int) -> None:
    """Replaces the first lines of the archived file with those of the target."""
    with beside(target) as merged:
        with target.open("rb") as ours, archived.open("rb") as theirs, merged.open("wb") as output:
            for _ in range(same):
                output.write(ours.readline())
                theirs.readline()
            while chunk := theirs.read(1 << 20):
                output.write(chunk)
        os.replace(merged, archived)


def _whole_line(file: BinaryIO) -> bytes:
    """The next line with its end; empty at the end of the file."""
    line = file.readline()
    return line if line.endswith(b"\n") else b""


def _count(line: bytes, file: BinaryIO) -> int:
    """How many whole lines there are, this one included."""
    return sum(1 for each in chain([line], file) if each.endswith(b"\n"))


def _may_begin(part: bytes, line: bytes) -> bool:
    """Whether the line may go on with this part of it, in which secrets are not replaced yet."""
    return line.startswith(part) or _SECRET.search(line) is not None


def _is_same(ours: bytes, theirs: bytes) -> bool:
    if ours == theirs:
        return True
    first, *rest = _SECRET.split(theirs)
    if not rest or not ours.startswith(first) or len(ours) < len(first) + len(rest[-1]) or not ours.endswith(rest[-1]):
        return False
    place, end = len(first), len(ours) - len(rest[-1])
    for part in rest[:-1]:
        place = ours.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True
