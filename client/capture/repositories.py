"""The folders in which Claude Code worked, and what they have to do with each other: worktrees of one git folder, clones of one remote.

Git's own files are read, and git is never run: its configuration can name programs. Only host and path of a remote leave the machine.
"""

import json
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from client.http.connection import Answer, Connection
from shared.projects.remotes import normalized_remote

# The server takes so many at a time.
MOST_PLACES: Final = 200
# So many folders are remembered; more than anybody works in.
_MOST_REMEMBERED: Final = 5_000
_MOST_ABOVE: Final = 64
_MOST_BYTES: Final = 64 * 1024
# A folder may get another remote, or be moved.
_LOOK_AGAIN_SECONDS: Final = 3600.0
_SECTION: Final = re.compile(r'\s*\[\s*remote\s+"(?P<name>[^"]*)"\s*\]\s*(?P<rest>.*)', re.IGNORECASE)
_URL: Final = re.compile(r"\s*url\s*=\s*(?P<url>.*?)\s*(?:[#;].*)?", re.IGNORECASE)


def place_of(folder: str) -> dict[str, Any] | None:
    """The folder's place in a working tree, as the server takes it. None if it is in none, or not there any more."""
    here = Path(folder)
    if not here.is_dir():
        return None
    for above in (here, *here.parents[:_MOST_ABOVE]):
        found = _git_folder(above)
        if found is None:
            continue
        common = _common_folder(found)
        place: dict[str, Any] = {
            "path": folder,
            "common_dir": str(common),
            "inside": "" if here == above else here.relative_to(above).as_posix(),
            "is_main": common == found,
        }
        remote = _remote_of(common)
        return place | ({"remote": remote} if remote else {})
    return None


class Repositories:
    """The folders that the server was told of. A folder is looked at again after an hour, and told again if that changed something."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, dict[str, Any] | None]] = {}
        self._untold: dict[str, dict[str, Any]] = {}

    def look_at(self, folders: Iterable[str]) -> None:
        """Reads what is new, or was read long ago."""
        now = time.monotonic()
        for folder in folders:
            known = self._known.get(folder)
            if known is not None and now - known[0] < _LOOK_AGAIN_SECONDS:
                continue
            if known is None and len(self._known) >= _MOST_REMEMBERED:
                return
            place = _read(folder)
            if place is not None and (known is None or known[1] != place):
                self._untold[folder] = place
            self._known[folder] = (now, place)

    def parts(self) -> list[list[dict[str, Any]]]:
        """The folders that the server does not know yet, as many as it takes at a time."""
        untold = list(self._untold.values())
        return [untold[start : start + MOST_PLACES] for start in range(0, len(untold), MOST_PLACES)]

    def tell(self, connection: Connection, machine_id: str) -> Answer | None:
        """Sends what the server does not know yet, a part of it at a time. None if there is nothing. Raises ServerAway."""
        part = dict(list(self._untold.items())[:MOST_PLACES])
        if not part:
            return None
        answer = connection.send("PUT", path_of(machine_id), body_of(part.values()), "application/json")
        # A server that has refused one refuses it again; an older one does not know the path.
        if answer.status < 500 and answer.status != 429:
            for folder in part:
                del self._untold[folder]
        return answer


def path_of(machine_id: str) -> str:
    """Where a machine tells about its folders."""
    return f"/api/machines/{quote(machine_id, safe='')}/repositories"


def body_of(places: Iterable[dict[str, Any]]) -> bytes:
    """As the server takes them."""
    return json.dumps({"repositories": list(places)}).encode()


def _read(folder: str) -> dict[str, Any] | None:
    try:
        return place_of(folder)
    except (OSError, ValueError):
        # A folder of another person, or a path that no system has.
        return None


def _git_folder(folder: Path) -> Path | None:
    """The git folder of a working tree that begins here. A worktree's, and a submodule's, is named by a file."""
    git = folder / ".git"
    if git.is_dir():
        return git.resolve()
    text = _text_of(git)
    if text is None or not text.startswith("gitdir:"):
        return None
    named = (folder / text.removeprefix("gitdir:").strip()).resolve()
    return named if named.is_dir() else None


def _common_folder(git: Path) -> Path:
    """The git folder that all worktrees share."""
    named = _text_of(git / "commondir")
    return git if named is None else (git / named.strip()).resolve()


def _remote_of(common: Path) -> str | None:
    """`origin`, or the only remote that there is."""
    remotes: dict[str, str] = {}
    section: str | None = None
    for line in (_text_of(common / "config") or "").splitlines():
        if line.lstrip().startswith("["):
            begins = _SECTION.fullmatch(line)
            section, line = (begins["name"], begins["rest"]) if begins else (None, "")
        url = _URL.fullmatch(line)
        if section is not None and url is not None:
            remotes.setdefault(section, url["url"].strip('"'))
    url_of_it = remotes.get("origin") or (next(iter(remotes.values())) if len(remotes) == 1 else None)
    return normalized_remote(url_of_it) if url_of_it else None


def _text_of(path: Path) -> str | None:
    try:
        # Not a pipe, which would be waited for.
        if not path.is_file() or not os.access(path, os.R_OK):
            return None
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
