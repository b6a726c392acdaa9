"""Finds Claude Code's files under the given paths by their names. Lists folders and opens no file."""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from client.capture.transcripts.transcript_files import claude_folder, claude_json
from shared.claude_formats.upload_kinds import CREDENTIALS_NAME, NOT_OURS

_NAMES: Final = frozenset({"sessions-index.json", ".claude.json", "claude.json"})
_SUFFIX: Final = ".jsonl"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file as it was when it was found. `name`: its path below the given folder, with `/`."""

    path: Path
    name: str
    size: int
    mtime_ns: int
    # Named by the person, not found in a folder: then the reason why it is not imported is shown.
    is_given: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that cannot be imported, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Found:
    """The files, each once, sorted by name; what could not be read; and the links out of a folder, which are not followed."""

    files: list[LocalFile] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    links_out: list[Path] = field(default_factory=list)


def default_paths(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Where Claude Code keeps its data: ~/.claude and ~/.claude.json, or both in CLAUDE_CONFIG_DIR. They may not exist."""
    return [claude_folder(environment, home), claude_json(environment, home)]


def find(paths: Sequence[Path]) -> Found:
    """The files at the paths. A path is a file, or a folder: ~/.claude or any part of it."""
    found = Found()
    seen: set[Path] = set()
    for given in paths:
        root = given.resolve()
        for file in _in_folder(root, found) if root.is_dir() else _given_file(root, given.name, found):
            if file.path not in seen:
                seen.add(file.path)
                found.files.append(file)
    return found


def _given_file(path: Path, name: str, found: Found) -> Iterator[LocalFile]:
    if CREDENTIALS_NAME in (name, path.name):
        found.problems.append(Problem(str(path), "credentials are never imported, so it was not opened"))
        return
    try:
        status = path.stat()
    except OSError as error:
        found.problems.append(Problem(str(path), reason_of(error)))
        return
    if not stat.S_ISREG(status.st_mode):
        found.problems.append(Problem(str(path), "is neither a file nor a folder"))
        return
    yield LocalFile(path, name, status.st_size, status.st_mtime_ns, is_given=True)


def _in_folder(root: Path, found: Found) -> Iterator[LocalFile]:
    def unreadable(error: OSError) -> None:
        found.problems.append(Problem(str(error.filename), reason_of(error)))

    for folder, subfolders, names in os.walk(root, onerror=unreadable):
        here = Path(folder)
        found.links_out += (here / name for name in sorted(subfolders) if name not in NOT_OURS and _leads_out(here / name, root))
        subfolders[:] = sorted(name for name in subfolders if name not in NOT_OURS)
        for name in sorted(names):
            if name.endswith(_SUFFIX) or name in _NAMES:
                yield from _folder_entry(here / name, root, found)


def _folder_entry(path: Path, root: Path, found: Found) -> Iterator[LocalFile]:
    """Skips links: their target is found anyway, or is outside of the folder."""
    try:
        status = path.lstat()
    except OSError as error:
        found.problems.append(Problem(str(path), reason_of(error)))
        return
    if stat.S_ISREG(status.st_mode):
        yield LocalFile(path, path.relative_to(root).as_posix(), status.st_size, status.st_mtime_ns)
    elif stat.S_ISLNK(status.st_mode) and _leads_out(path, root):
        found.links_out.append(path)


def _leads_out(path: Path, root: Path) -> bool:
    return path.is_symlink() and not path.resolve().is_relative_to(root)


def reason_of(error: OSError) -> str:
    """The reason of the operating system."""
    return error.strerror or str(error) or type(error).__name__
