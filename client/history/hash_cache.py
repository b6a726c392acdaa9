"""What the contents of files are, kept between runs by path, size and time of change, so that gigabytes are not read again to find nothing new."""

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from client.history.claude_files import LocalFile
from shared.upload_kinds import Kind

_VERSION = 1


class Content(NamedTuple):
    """What a file is. `sha256` in hex; empty for what is not sent by its content. `problem` completes the sentence "the file …"."""

    kind: Kind
    sha256: str
    problem: str = ""


def cache_path(environment: Mapping[str, str], home: Path, platform: str = sys.platform) -> Path:
    """Where the user's caches are on this system."""
    if platform == "win32":
        folder = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif platform == "darwin":
        folder = home / "Library" / "Caches"
    else:
        folder = Path(environment.get("XDG_CACHE_HOME") or home / ".cache")
    return folder / "claude-code-tracker" / "contents.json"


class HashCache:
    """Read at once, written by `save`. One that cannot be read is empty, one that cannot be written is forgotten: it only saves time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _read(path)
        self._used: set[str] = set()
        self._has_changed = False

    def get(self, file: LocalFile) -> Content | None:
        """The content, if the file has not changed since."""
        key = str(file.path)
        entry = self._entries.get(key)
        if entry is None or entry[:2] != [file.size, file.mtime_ns]:
            return None
        self._used.add(key)
        return Content(*entry[2:])

    def put(self, file: LocalFile, content: Content) -> None:
        """Remembers it."""
        self._used.add(str(file.path))
        self._entries[str(file.path)] = [file.size, file.mtime_ns, *content]
        self._has_changed = True

    def save(self) -> None:
        """Writes it if anything is new, without files that are gone."""
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
    """Whole or not at all: another run may read it at any moment."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file)
        Path(temporary).replace(path)
    except OSError:
        return False
    return True
