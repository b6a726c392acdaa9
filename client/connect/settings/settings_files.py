"""Settings files: read and judged, shown as a diff, backed up, written at once or not at all."""

import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, Final

from client.connect.settings.json_text import NotJson, parse
from client.errors import Failure

_BOM: Final = b"\xef\xbb\xbf"
_COMMENT: Final = re.compile(r"//|/\*")
_PRIVATE_FILE: Final = 0o600


class CannotChange(Failure):
    """A settings file is left as it is. The text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """A settings file as it was read. `before` is None without a file. `text` is without the byte order mark, `{}` if empty."""

    path: Path
    before: bytes | None
    text: str
    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A file to be written (`after`) or removed (None)."""

    path: Path
    before: bytes | None
    after: bytes | None

    @property
    def is_needed(self) -> bool:
        return self.before != self.after


def read_settings(path: Path) -> Settings:
    """The settings. Raises CannotChange if the file is there and cannot be read as a JSON object."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        if path.is_symlink():
            raise CannotChange(f"{path} is a link to a file that does not exist. Remove the link, or make its target.") from None
        return Settings(path, None, "{}", {})
    except OSError as error:
        raise CannotChange(f"{path} cannot be read ({error.strerror or error}). Nothing was changed.") from None
    try:
        text = before.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise CannotChange(f"{path} is not UTF-8 text. Nothing was changed; save it as UTF-8, and try again.") from None
    if not text.strip():
        return Settings(path, before, "{}", {})
    try:
        root = parse(text)
    except NotJson as error:
        raise CannotChange(_not_json(path, text, error)) from None
    value = json.loads(text) if root.opening == "{" else None
    if not isinstance(value, dict):
        raise CannotChange(f"{path} holds no JSON object, so Claude Code does not read it either. Nothing was changed.")
    return Settings(path, before, text, value)


def _not_json(path: Path, text: str, error: NotJson) -> str:
    rest = text[error.at :].lstrip()
    if _COMMENT.match(rest) or rest[:1] in ("}", "]"):
        mark, what = ("comment", "a comment") if _COMMENT.match(rest) else ("comma", "a comma too many")
        return (
            f"{path} has {what} ({error}). That is not JSON: Claude Code ignores the whole file. "
            f"Nothing was changed; remove the {mark}, and try again."
        )
    return f"{path} is not valid JSON ({error}). Claude Code ignores the whole file. Nothing was changed; repair it, and try again."


def check_writable(path: Path) -> None:
    """Raises CannotChange if the file, or the folder that would get it, may not be written."""
    target = path.resolve()
    # Replacing the file would succeed in spite of its mode; the mode says that it is not to be changed.
    if target.exists() and (target.stat().st_mode & 0o222 == 0 or not os.access(target, os.W_OK)):
        raise CannotChange(f"{path} is read-only. Nothing was changed; make it writable (`chmod u+w {path}`), and try again.")
    folder = target.parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotChange(f"{folder} cannot be written to. Nothing was changed.")


def encoded(settings: Settings, text: str) -> bytes:
    """The new text as the file had it: with its byte order mark, and with a line end if the file is new."""
    if settings.before is None or not settings.before.strip():
        text = text if text.endswith("\n") else f"{text}\n"
    return (_BOM if (settings.before or b"").startswith(_BOM) else b"") + text.encode()


def diff(change: Change) -> str:
    """A unified diff."""
    before, after = (_lines(content) for content in (change.before, change.after))
    old, new = ("/dev/null" if content is None else str(change.path) for content in (change.before, change.after))
    lines = unified_diff(before, after, old, new)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode("utf-8", "replace").replace("\r\n", "\n").splitlines(keepends=True)


def backup(path: Path, content: bytes) -> Path:
    """Writes what the file held beside it, under a name of its own."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        beside = path.with_name(f"{path.name}.before-tracker-{stamp}" + (f"-{number}" if number > 1 else ""))
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
        except FileExistsError:
            continue
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        return beside
    raise CannotChange(f"{path.parent} has a thousand backups of this second. Nothing was changed.")


def write(path: Path, content: bytes, mode: int | None = None) -> None:
    """Replaces the file at once. A link stays a link, mode and owner stay. `mode` is for a new file. Raises CannotChange."""
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        former = target.stat() if target.exists() else None
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                # Windows has neither modes nor these owners.
                if os.name != "nt":
                    os.fchmod(file.fileno(), former.st_mode & 0o7777 if former else _PRIVATE_FILE if mode is None else mode)
                if os.name != "nt" and former and (former.st_uid, former.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), former.st_uid, former.st_gid)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotChange(f"{path} cannot be written ({error.strerror or error}). It is as it was.") from error
