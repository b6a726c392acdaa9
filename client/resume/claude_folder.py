"""Where Claude Code keeps the transcripts of a folder, and which of a transcript's folders is on this machine."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from client.capture.transcripts.transcript_files import claude_folder

_LONGEST_NAME: Final = 200
_NO_LETTER: Final = re.compile(r"[^A-Za-z0-9]")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_SESSION_ID: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", re.ASCII)
_MOST_PARTS: Final = 6


def projects_folder(environment: Mapping[str, str], home: Path) -> Path:
    """The folder with a folder for each project: in ~/.claude, or in CLAUDE_CONFIG_DIR."""
    return claude_folder(environment, home) / "projects"


def name_of_project(folder: str) -> str:
    """The name that Claude Code gives to the folder of a project's transcripts. `folder` is absolute and without links.

    Each UTF-16 unit that is no letter or digit becomes a hyphen. A longer name is cut, and gets a hash of the whole.
    """
    units = "".join("--" if ord(each) > 0xFFFF else each for each in folder)
    name = _NO_LETTER.sub("-", units)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}-{_hash(folder)}"


def _hash(text: str) -> str:
    """String.hashCode() of Java, without its sign, in base 36."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    number = 0
    for place in range(0, len(encoded), 2):
        number = (number * 31 + int.from_bytes(encoded[place : place + 2], "little")) & 0xFFFFFFFF
    number = abs(number - (1 << 32) if number >= 1 << 31 else number)
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"


def is_safe(session_id: str, file: str) -> bool:
    """Whether a file that the server names may be written: the session's transcript, or one below the session's folder, and nowhere else."""
    parts = PurePosixPath(file).parts
    is_path = file == "/".join(parts) and len(parts) <= _MOST_PARTS and all(_PART.fullmatch(part) for part in parts)
    return (
        _SESSION_ID.fullmatch(session_id) is not None
        and is_path
        and file.endswith(".jsonl")
        and (len(parts) > 1 or file == f"{session_id}.jsonl")
    )


def path_of(project: Path, session_id: str, file: str) -> Path:
    """Where a session's file is in the folder of its project's transcripts."""
    return project / file if file == f"{session_id}.jsonl" else project / session_id / file


def folders_in(transcript: Path) -> Iterator[str]:
    """The folders in which the session worked, in their order. The first is the one in which it was started."""
    seen: set[str] = set()
    with transcript.open("rb") as lines:
        for line in lines:
            folder = folder_of(line)
            if folder is not None and folder not in seen:
                seen.add(folder)
                yield folder


def folder_of(line: bytes) -> str | None:
    """The working folder of a record; None if it has none, as records about the session itself."""
    if b'"cwd"' not in line:
        return None
    try:
        record = json.loads(line)
    except ValueError:
        return None
    folder = record.get("cwd") if isinstance(record, dict) else None
    return folder if isinstance(folder, str) and folder else None


def real(folder: str | Path) -> str:
    """The folder as Claude Code sees it when it is started there."""
    return os.path.realpath(folder)
