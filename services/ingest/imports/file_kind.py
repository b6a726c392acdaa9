"""Finds out the kind of an uploaded file from its content. Unknown files and credentials are refused."""

from typing import IO, Final

from shared.claude_formats.upload_kinds import CLAUDE_JSON_KEYS, CREDENTIALS_KEY, HEAD_BYTES, Kind, kind_of_head, top_level_keys
from shared.http.errors import BadRequest

_BOM: Final = b"\xef\xbb\xbf"
_SEARCH_BYTES: Final = 1024**2

EXPECTED: Final = (
    "this release takes Claude Code's claude.json (usually ~/.claude.json), transcripts (~/.claude/projects/…/*.jsonl), history.jsonl, "
    "sessions-index.json, a .zip, .tar, .tar.gz or .tar.zst of ~/.claude, or another tracker's export of everything"
)


def kind_of(file: IO[bytes], name: str) -> Kind:
    """The kind of a stored upload. BadRequest INVALID_FILE or UNKNOWN_PROJECT_FILE says which files are accepted."""
    seen = kind_of_head(file.read(HEAD_BYTES))
    kind, problem = seen.kind, seen.problem
    if kind in ("claude_json", "unknown"):
        # In a JSON file the deciding keys may come after megabytes of other content, so all of it is searched.
        if _mentions_credentials(file) and CREDENTIALS_KEY in _keys(file, until=frozenset({CREDENTIALS_KEY})):
            kind = "credentials"
        elif kind == "unknown" and CLAUDE_JSON_KEYS & _keys(file, until=CLAUDE_JSON_KEYS):
            kind = "claude_json"
    if kind == "credentials":
        raise _refused(name, f"is Claude Code's credentials file ({CREDENTIALS_KEY}), which must not be uploaded", "INVALID_FILE")
    if kind == "unknown":
        raise _refused(name, problem, "UNKNOWN_PROJECT_FILE")
    return kind


def _mentions_credentials(file: IO[bytes]) -> bool:
    sought = f'"{CREDENTIALS_KEY}"'.encode()
    file.seek(0)
    end = b""
    while part := file.read(_SEARCH_BYTES):
        if sought in end + part:
            return True
        # The text may lie across two parts.
        end = (end + part)[1 - len(sought) :]
    return False


def _keys(file: IO[bytes], *, until: frozenset[str]) -> set[str]:
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    return top_level_keys(file, until=until)


def _refused(name: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"The file {name} {problem}; {EXPECTED}.", code=code, details={"file": problem})
