"""Normalizes a project's path, so that the same folder is the same project from every client."""

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:/")
MAX_LENGTH = 4096


class InvalidPath(ValueError):
    """Its text completes the sentence "the path …"."""


def normalize_project_path(path: str) -> str:
    r"""`\` → `/`, drive letter upper-cased, trailing slash cut, `.` and `..` resolved, otherwise verbatim.

    `C:\src\app\` → `C:/src/app`. Raises InvalidPath unless it is absolute: POSIX, `C:/`, or UNC (`//server/share`).
    """
    if len(path) > MAX_LENGTH:
        raise InvalidPath(f"is longer than {MAX_LENGTH} characters")
    slashed = path.replace("\\", "/").replace("\x00", "\ufffd")
    if _DRIVE.match(slashed):
        return slashed[0].upper() + ":" + _resolve(slashed[2:])
    if not slashed.startswith("/"):
        raise InvalidPath("is not absolute; give it from the root, as in /home/me/project or C:/src/project")
    unc = slashed.startswith("//") and not slashed.startswith("///")
    resolved = _resolve(slashed)
    return "/" + resolved if unc and resolved != "/" else resolved


def path_or_none(path: str | None) -> str | None:
    """The normalized path; None for one that is not a path."""
    try:
        return None if path is None else normalize_project_path(path)
    except InvalidPath:
        return None


def _resolve(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def name_of(project_path: str) -> str:
    """A project's name: the last component of its normalized path; the path itself for `/` and `C:/`."""
    return project_path.rstrip("/").rpartition("/")[2] or project_path
