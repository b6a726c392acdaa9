"""What an uploaded file is, from its content: nothing that we do not know is given to an importer, and no credentials are kept."""

import mmap
from pathlib import Path
from typing import BinaryIO, Final

from shared.errors import BadRequest
from shared.upload_kinds import CLAUDE_JSON_KEYS, CREDENTIALS_KEY, HEAD_BYTES, Kind, kind_of_head, top_level_keys

_BOM: Final = b"\xef\xbb\xbf"

EXPECTED: Final = (
    "this release takes Claude Code's claude.json (usually ~/.claude.json), transcripts (~/.claude/projects/…/*.jsonl), history.jsonl, "
    "sessions-index.json, or a .zip, .tar, .tar.gz or .tar.zst of ~/.claude"
)


def kind_of(path: Path, name: str) -> Kind:
    """The kind of a stored upload; BadRequest INVALID_FILE or UNKNOWN_PROJECT_FILE, naming what was expected."""
    with path.open("rb") as file:
        seen = kind_of_head(file.read(HEAD_BYTES))
        kind, problem = seen.kind, seen.problem
        if kind in ("claude_json", "unknown"):
            # A claude.json can hide either deep inside: what decides may stand behind megabytes of something else.
            if _mentions_credentials(file) and CREDENTIALS_KEY in _keys(file, until=frozenset({CREDENTIALS_KEY})):
                kind = "credentials"
            elif kind == "unknown" and CLAUDE_JSON_KEYS & _keys(file, until=CLAUDE_JSON_KEYS):
                kind = "claude_json"
    if kind == "credentials":
        raise _refused(name, f"is Claude Code's credentials file ({CREDENTIALS_KEY}), which must not be uploaded", "INVALID_FILE")
    if kind == "unknown":
        raise _refused(name, problem, "UNKNOWN_PROJECT_FILE")
    return kind


def _mentions_credentials(file: BinaryIO) -> bool:
    if file.seek(0, 2) == 0:
        return False
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(f'"{CREDENTIALS_KEY}"'.encode()) >= 0


def _keys(file: BinaryIO, *, until: frozenset[str]) -> set[str]:
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    return top_level_keys(file, until=until)


def _refused(name: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"The file {name} {problem}; {EXPECTED}.", code=code, details={"file": problem})
