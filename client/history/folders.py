"""Folders of which nothing leaves the machine: which files of Claude Code speak of them, and those files without them."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from client.capture.transcripts.left_out import LeftOut, first_cwd, lines_in
from client.capture.transcripts.lines import read_lines
from client.history.claude_files import LocalFile
from shared.claude_formats.upload_kinds import Kind

# Longer than any path, so that none is cut in two by the end of a chunk.
OVERLAP_BYTES: Final = 8 * 1024
_STRING: Final = rb'"((?:[^"\\]|\\.){1,4096})"'
_NAMED: Final[dict[str, re.Pattern[bytes]]] = {
    "transcript": re.compile(rb'"cwd"\s*:\s*' + _STRING),
    "history": re.compile(rb'"project"\s*:\s*' + _STRING),
    "sessions_index": re.compile(rb'"projectPath"\s*:\s*' + _STRING),
    # The names of the members of `projects`, and of all others that look like paths.
    "claude_json": re.compile(rb'"((?:/|\\\\|[A-Za-z]:)(?:[^"\\]|\\.){0,4096})"'),
}


def folders_in(chunk: bytes, kind: Kind) -> Iterator[str]:
    """The folders that a part of a file speaks of; also some that no record is about."""
    pattern = _NAMED.get(kind)
    for found in set(pattern.findall(chunk)) if pattern else ():
        try:
            yield str(json.loads(b'"%b"' % found))
        except ValueError:
            continue


def without_folders(file: LocalFile, kind: Kind, left_out: LeftOut, temporary: Path) -> LocalFile | None:
    """The file without what belongs to folders that are left out, written to `temporary`. None if nothing remains. OSError, ValueError."""
    path = temporary / f"{len(list(temporary.iterdir()))}-{file.path.name}"
    with path.open("wb") as kept:
        match kind:
            case "transcript":
                is_kept = _copy_transcript(file.path, left_out, kept.write)
            case "history":
                is_kept = _copy_history(file.path, left_out, kept.write)
            case _:
                is_kept = kept.write(json.dumps(_value_without(json.loads(file.path.read_bytes()), left_out)).encode()) > 0
    if not is_kept:
        path.unlink()
        return None
    return LocalFile(path, file.name, path.stat().st_size, file.mtime_ns, file.is_given)


def _copy_transcript(path: Path, left_out: LeftOut, write: Any) -> bool:
    """False if the session began in such a folder: then nothing of it is kept."""
    with path.open("rb") as opened:
        descriptor = opened.fileno()
        offset, began, cwd = 0, None, None
        while lines := read_lines(descriptor, offset):
            began = began or first_cwd(lines.data)
            if began is not None and left_out.has(began):
                return False
            data, cwd = left_out.without(lines.data, cwd)
            write(data)
            offset = lines.end
        opened.seek(offset)
        data, _ = left_out.without(opened.read(), cwd)
        write(data)
    return True


def _copy_history(path: Path, left_out: LeftOut, write: Any) -> bool:
    for line in lines_in(path.read_bytes()):
        folders = list(folders_in(line, "history"))
        if not any(left_out.has(folder) for folder in folders):
            write(line)
    return True


def _value_without(value: Any, left_out: LeftOut) -> Any:
    """Without members and items that are such a folder, or speak of one as their project."""
    if isinstance(value, dict):
        return {
            name: _value_without(item, left_out)
            for name, item in value.items()
            if not (_is_left_out(name, left_out) or _is_left_out(item, left_out) or _belongs_to(item, left_out))
        }
    if isinstance(value, list):
        return [_value_without(item, left_out) for item in value if not (_is_left_out(item, left_out) or _belongs_to(item, left_out))]
    return value


def _is_left_out(value: Any, left_out: LeftOut) -> bool:
    return isinstance(value, str) and os.path.isabs(value) and left_out.has(value)


def _belongs_to(value: Any, left_out: LeftOut) -> bool:
    return isinstance(value, dict) and _is_left_out(value.get("projectPath"), left_out)
