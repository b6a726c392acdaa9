"""What an uploaded file is, from its first bytes: nothing that we do not know is given to an importer."""

import mmap
from pathlib import Path
from typing import BinaryIO, Final

import ijson

from shared.errors import BadRequest

CLAUDE_JSON: Final = "claude_json"

# Any one of them at the top level tells a claude.json (FORMATS.md §1.1); other tools' JSON has none of these.
CLAUDE_JSON_KEYS: Final = frozenset(
    {
        "projects",
        "numStartups",
        "userID",
        "machineID",
        "anonymousId",
        "firstStartTime",
        "installMethod",
        "autoUpdates",
        "hasCompletedOnboarding",
        "lastOnboardingVersion",
        "lastReleaseNotesSeen",
        "promptQueueUseCount",
        "tipsHistory",
        "memoryUsageCount",
        "oauthAccount",
        "cachedChangelog",
        "claudeCodeFirstTokenDate",
        "customApiKeyResponses",
        "hasAvailableSubscription",
        "subscriptionNoticeCount",
    }
)
CREDENTIALS_KEY: Final = "claudeAiOauth"
_BOM: Final = b"\xef\xbb\xbf"

EXPECTED: Final = "this release takes Claude Code's claude.json (usually ~/.claude.json)"


def kind_of(path: Path, name: str) -> str:
    """The kind of a stored upload; BadRequest INVALID_FILE or UNKNOWN_PROJECT_FILE, naming what was expected."""
    if path.stat().st_size == 0:
        raise _refused(name, "is empty", "UNKNOWN_PROJECT_FILE")
    with path.open("rb") as file:
        if _mentions_credentials(file) and CREDENTIALS_KEY in _top_level_keys(file, until=frozenset({CREDENTIALS_KEY})):
            raise _refused(name, f"is Claude Code's credentials file ({CREDENTIALS_KEY}), which must not be uploaded", "INVALID_FILE")
        if not CLAUDE_JSON_KEYS & _top_level_keys(file, until=CLAUDE_JSON_KEYS):
            raise _refused(name, "is nothing that can be imported", "UNKNOWN_PROJECT_FILE")
    return CLAUDE_JSON


def _mentions_credentials(file: BinaryIO) -> bool:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(f'"{CREDENTIALS_KEY}"'.encode()) >= 0


def _top_level_keys(file: BinaryIO, *, until: frozenset[str]) -> set[str]:
    """The keys of the JSON object in the file, up to the first of `until`; those before the first mistake if it is no JSON."""
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    keys: set[str] = set()
    depth = 0
    try:
        # use_float: without it, an integer of more than 4,300 digits makes ijson's C parser crash the process.
        for event, value in ijson.basic_parse(file, use_float=True):
            if event in ("start_map", "start_array"):
                depth += 1
                if depth == 1 and event == "start_array":
                    break
            elif event in ("end_map", "end_array"):
                depth -= 1
            elif event == "map_key" and depth == 1:
                keys.add(value)
                if value in until:
                    break
    except ijson.JSONError:
        # Not JSON from here on. What was read so far decides; the importer reports the place.
        return keys
    return keys


def _refused(name: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"The file {name} {problem}; {EXPECTED}.", code=code, details={"file": problem})
