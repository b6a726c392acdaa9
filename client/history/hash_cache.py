"""A cache of file hashes between runs, by path, size and time of change, so that unchanged gigabytes are not read again."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from client.capture.folder import make_private_folder, write_private
from client.history.claude_files import LocalFile
from shared.claude_formats.upload_kinds import Kind

_VERSION = 2


class Content(NamedTuple):
    """A file's kind. `sha256` in hex; empty for archives and for files that are not sent. `problem` completes "the file …".

    `folders`: those that the file speaks of (folders.py).
    """

    kind: Kind
    sha256: str
    problem: str = ""
    folders: tuple[str, ...] = ()


def cache_path(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """The path of the cache in the user's cache folder of this system."""
    if platform == "win32":
        folder = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        folder = home / "Library" / "Caches"
    else:
        folder = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return folder / "claude-code-tracker" / "contents.json"


class HashCache:
    """Loaded when it is made, written by `save`. It only saves time, so a cache that cannot be read or written is no error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _read(path)
        self._used: set[str] = set()
        self._has_changed = False

    def get(self, file: LocalFile) -> Content | None:
        """The content, or None if the file is new or has changed."""
        key = str(file.path)
        entry = self._entries.get(key)
        if entry is None or entry[:2] != [file.size, file.mtime_ns]:
            return None
        self._used.add(key)
        kind, sha256, problem, folders = entry[2:]
        return Content(kind, sha256, problem, tuple(folders))

    def put(self, file: LocalFile, content: Content) -> None:
        """Adds a file."""
        self._used.add(str(file.path))
        self._entries[str(file.path)] = [file.size, file.mtime_ns, *content]
        self._has_changed = True

    def save(self) -> None:
        """Writes the cache if it has changed. Files that no longer exist are left out."""
        if not self._has_changed:
            return
        self._entries = {path: entry for path, entry in self._entries.items() if path in self._used or os.path.lexists(path)}
        self._has_changed = not _write(self._path, {"version": _VERSION, "files": self._entries})


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict) or stored.get("version") != _VERSION or not isinstance(stored.get("files"), dict):
        return {}
    return {name: entry for name, entry in stored["files"].items() if isinstance(entry, list) and len(entry) == 2 + len(Content._fields)}


def _write(path: Path, content: dict[str, Any]) -> bool:
    """Writes atomically, because another run may read the file at the same time."""
    try:
        make_private_folder(path.parent)
        write_private(path, json.dumps(content))
    except OSError:
        return False
    return True
