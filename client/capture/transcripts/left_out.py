"""Folders of which nothing leaves the machine: those of the setting `left_out`, and those with a file `.tracker-ignore`.

Folders that lie in them are left out too. The folder in which Claude Code works decides (`cwd` of hooks and records).
"""

import json
import os
import re
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

IGNORE_FILE: Final = ".tracker-ignore"
# A new .tracker-ignore is noticed after so long.
_REMEMBERED_SECONDS: Final = 5.0
_MOST_REMEMBERED: Final = 2_000
# The folder of a record, and folders that its content speaks of.
_CWD: Final = re.compile(rb'"cwd"\s*:\s*"((?:[^"\\]|\\.)*)"')
# Another name of a file on a case-insensitive system must not get around the setting.
_IGNORES_CASE: Final = sys.platform in ("darwin", "win32")


class LeftOut:
    """Decides for a folder, and for lines of records. If there are folders in `only`, all others are left out."""

    def __init__(self, folders: Iterable[str], only: Iterable[str] = ()) -> None:
        self._folders = {form for folder in folders for form in _forms(os.path.expanduser(folder))}
        self._only = {form for folder in only for form in _forms(os.path.expanduser(folder))}
        self._known: dict[str, tuple[float, bool]] = {}

    def has(self, folder: str) -> bool:
        """Whether the folder, or one that it lies in, is left out. It need not exist any more."""
        now = time.monotonic()
        known = self._known.get(folder)
        if known is None or now - known[0] > _REMEMBERED_SECONDS:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            known = self._known[folder] = (now, self._decide(folder))
        return known[1]

    def _decide(self, folder: str) -> bool:
        all_above = [above for form in _forms(folder) for above in _and_parents(form)]
        if self._only and not any(above in self._only for above in all_above):
            return True
        return any(above in self._folders or _has_ignore_file(above) for above in all_above)

    def without(self, lines: bytes, cwd: str | None) -> tuple[bytes, str | None]:
        """The lines, those of left-out folders empty, and the folder of the last. A line without a folder belongs to the one before."""
        if not (cwd is not None and self.has(cwd)) and not any(self.has(_decoded(found)) for found in set(_CWD.findall(lines))):
            return lines, last_cwd(lines) or cwd
        kept: list[bytes] = []
        for line in lines_in(lines):
            cwd = cwd_of(line) or cwd
            kept.append(b"\n" if cwd is not None and self.has(cwd) else line)
        return b"".join(kept), cwd


def lines_in(data: bytes) -> list[bytes]:
    """The lines with their ends. Only a line feed ends one, as the server reads them."""
    *whole, rest = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([rest] if rest else [])


def first_cwd(lines: bytes) -> str | None:
    """The folder of the first record that has one."""
    return next((cwd for line in lines_in(lines) if (cwd := cwd_of(line))), None)


def last_cwd(lines: bytes) -> str | None:
    """The folder of the last record that has one."""
    return next((cwd for line in reversed(lines_in(lines)) if (cwd := cwd_of(line))), None)


def cwd_of(line: bytes) -> str | None:
    """The folder of a record. If the line cannot be read, the first folder that it speaks of."""
    found = _CWD.search(line)
    if found is None:
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return _decoded(found[1]) or None
    cwd = record.get("cwd") if isinstance(record, dict) else None
    return cwd if isinstance(cwd, str) and cwd else None


def cwd_of_hook(payload: dict[str, Any]) -> str | None:
    """The folder in which Claude Code was."""
    cwd = payload.get("cwd")
    return cwd if isinstance(cwd, str) and cwd else None


def _decoded(escaped: bytes) -> str:
    try:
        return str(json.loads(b'"%b"' % escaped))
    except ValueError:
        return escaped.decode("utf-8", "replace")


def _forms(folder: str) -> set[str]:
    """The folder as it is written, and without links."""
    written = os.path.normpath(folder)
    forms = {written}
    # Records can name what no file system can: then there is nothing to follow.
    with suppress(OSError, ValueError):
        forms.add(os.path.realpath(written))
    return {form.casefold() for form in forms} if _IGNORES_CASE else forms


def _and_parents(folder: str) -> Iterable[str]:
    while True:
        yield folder
        above = os.path.dirname(folder)
        if above == folder or not above:
            return
        folder = above


def _has_ignore_file(folder: str) -> bool:
    return os.path.lexists(os.path.join(folder, IGNORE_FILE))
