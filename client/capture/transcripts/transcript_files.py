"""Finds transcripts: those that Claude Code's folders have, and those that a hook names. Opens none of them."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

_SUFFIX: Final = ".jsonl"
_SESSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,199}", re.ASCII)
_PROJECTS: Final = "projects"
_SUBAGENTS: Final = "subagents"
# subagents/workflows/<name>/agent-….jsonl
_DEEPEST: Final = 4


class Transcript(NamedTuple):
    """A file as it was when it was found. `name`: `<session>.jsonl`, or its path below the session's folder, with `/`."""

    path: str
    session_id: str
    name: str
    size: int
    mtime_ns: int
    inode: int


def claude_folder(environment: Mapping[str, str], home: Path) -> Path:
    """Claude Code's own folder, which CLAUDE_CONFIG_DIR moves. It may not exist."""
    return Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")


def claude_json(environment: Mapping[str, str], home: Path) -> Path:
    """Claude Code's own state: ~/.claude.json, or in the folder that CLAUDE_CONFIG_DIR names. It may not exist."""
    return (claude_folder(environment, home) if environment.get("CLAUDE_CONFIG_DIR") else home) / ".claude.json"


def default_root(environment: Mapping[str, str], home: Path) -> str:
    """Claude Code's folder of projects, without links on the way. It may not exist."""
    return os.path.realpath(claude_folder(environment, home) / _PROJECTS)


def scan(root: str) -> Iterator[Transcript]:
    """All transcripts of a folder of projects. Links are not followed: their target is found anyway, or belongs to something else."""
    for project in _entries(root):
        if project.is_dir(follow_symlinks=False):
            yield from _in_project(project.path)


def _in_project(folder: str) -> Iterator[Transcript]:
    for entry in _entries(folder):
        if entry.name.endswith(_SUFFIX):
            if found := look_at(entry.path):
                yield found
        elif _SESSION.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
            yield from of_subagents(entry.path)


def of_subagents(session_folder: str) -> Iterator[Transcript]:
    """The transcripts of a session's subagents; `session_folder` is the session's own without `.jsonl`."""
    yield from _agents_in(os.path.join(session_folder, _SUBAGENTS), 0)


def _agents_in(folder: str, depth: int) -> Iterator[Transcript]:
    for entry in _entries(folder):
        if entry.name.startswith("agent-") and entry.name.endswith(_SUFFIX):
            if found := look_at(entry.path):
                yield found
        elif depth < _DEEPEST and entry.is_dir(follow_symlinks=False):
            yield from _agents_in(entry.path, depth + 1)


def look_at(path: str) -> Transcript | None:
    """The transcript at a path. None without one: no regular file, or no place where Claude Code keeps them."""
    place = place_of(path)
    if place is None:
        return None
    try:
        status = os.lstat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    # With the same separators wherever it comes from: Windows takes both.
    return Transcript(path.replace(os.sep, "/"), *place, status.st_size, status.st_mtime_ns, status.st_ino)


def place_of(path: str) -> tuple[str, str] | None:
    """Session and name by a path: `…/projects/<project>/<session>.jsonl`, or a file below `…/<session>/subagents`."""
    parts = path.replace(os.sep, "/").split("/")
    if len(parts) < 4 or not parts[-1].endswith(_SUFFIX) or _PROJECTS not in parts:
        return None
    if _SUBAGENTS in parts:
        at = len(parts) - 1 - parts[::-1].index(_SUBAGENTS)
        session = parts[at - 1]
        name = "/".join(parts[at:])
    else:
        # Agents were once kept beside the sessions; only their lines say whose they are, and an import reads those.
        session, name = parts[-1].removesuffix(_SUFFIX), parts[-1]
        if session.startswith("agent-"):
            return None
    return (session, name) if _SESSION.fullmatch(session) and name.isprintable() else None


def named_by(payload: dict[str, Any]) -> list[str]:
    """The paths of transcripts that a hook names, without links on the way."""
    found: list[str] = []
    for named in (payload.get("transcript_path"), payload.get("agent_transcript_path")):
        if isinstance(named, str) and named:
            # A name that no file system can have is no file.
            with suppress(OSError, ValueError):
                found.append(os.path.realpath(os.path.expanduser(named)))
    return [path for path in found if place_of(path) is not None]


def root_of(path: str) -> str | None:
    """The folder of projects that a transcript is in: other folders of settings than the default one are found by what hooks name."""
    head, found, _ = path.replace(os.sep, "/").rpartition(f"/{_PROJECTS}/")
    return f"{head}/{_PROJECTS}" if found else None


def _entries(folder: str) -> "Iterator[os.DirEntry[str]]":
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        # Gone, or no folder, or not for this user.
        return
