"""Recognizes the kind of an uploaded file by its first bytes.

Ingest refuses kinds that no importer reads. The worker chooses the importer by the kind, also for an archive's members. A client sends only
files that have an importer. A file's name is used only to recognize credentials.
"""

import io
import tarfile
import zlib
from collections.abc import Set
from typing import IO, Final, Literal

import ijson
import msgspec

Kind = Literal[
    "claude_json",
    "transcript",
    "history",
    "sessions_index",
    "zip",
    "tar",
    "tar_gz",
    "tar_zst",
    "tracker_export",
    "credentials",
    "unknown",
]
ARCHIVES: Final = frozenset({"zip", "tar", "tar_gz", "tar_zst", "tracker_export"})
# ijson's errors: its lexer accepts overlong forms of UTF-8, and its decoding then fails on them.
JSON_ERRORS: Final = (ijson.JSONError, UnicodeDecodeError)
# Raised when importers find more in a file than before: what an older version read is asked for again.
READER_VERSION: Final = 6
# The first member of a tracker's export of everything, which tells it from any other zip (docs/reference/export-format.md).
EXPORT_MARKER: Final = "tracker-export.json"
# Enough for the first rows of all transcripts known; of a longer first line the beginning decides.
HEAD_BYTES: Final = 65_536

# Any one of them at the top level tells a claude.json (docs/explanation/claude-code-formats.md); other tools' JSON has none of these.
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
CREDENTIALS_NAME: Final = ".credentials.json"
# Folders of ~/.claude in which anything may lie, transcripts of other programs and copies of the person's own files included.
NOT_OURS: Final = frozenset({"file-history", "tool-results", "paste-cache", "shell-snapshots"})
# Records that Claude Code writes without a session, and that may be the first of a transcript.
_OF_NO_SESSION: Final = frozenset({"summary", "file-history-snapshot", "file-history-delta"})
_MAX_ROWS: Final = 50
_BOM: Final = b"\xef\xbb\xbf"
# In a zip, where the name of its first member is.
_LOCAL_NAME_AT: Final = 30
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Seen(msgspec.Struct, frozen=True):
    """A kind; of an unknown one what it seems to be, which completes the sentence "the file …"."""

    kind: Kind
    problem: str = ""


def kind_of_head(head: bytes) -> Seen:
    """By the first HEAD_BYTES, or all if there are fewer."""
    if (archive := _archive(head)) is not None:
        return archive
    text = head.removeprefix(_BOM).lstrip(b" \t\r\n\x00")
    if not text:
        return Seen("unknown", "is empty" if not head.strip(b"\x00") else "is nothing that can be imported")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Seen("unknown", "is UTF-16; save it as UTF-8")
    return _by_rows(text) or _by_object(text)


def seems_to_be(record_types: Set[str]) -> str:
    """The kind of a JSON-lines file that is not a transcript, by the `type`s of its records. Completes the sentence "the file …"."""
    if record_types & {"session_meta", "response_item", "event_msg", "turn_context"}:
        return "seems to be a log of Codex, not of Claude Code"
    if record_types & {"gemini"}:
        return "seems to be a log of Gemini CLI, not of Claude Code"
    if record_types & {"system", "assistant", "user", "result", "stream_event"}:
        return (
            "seems to be the output of `claude --output-format stream-json`; import the session's transcript in ~/.claude/projects instead"
        )
    return "has JSON records, but none that Claude Code writes"


def top_level_keys(file: IO[bytes], *, until: Set[str]) -> set[str]:
    """The keys of the JSON object in the file, up to the first of `until`; those before the first mistake if it is no JSON, or cut off."""
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
                if depth == 0:
                    break
            elif event == "map_key" and depth == 1:
                keys.add(value)
                if value in until:
                    break
    except JSON_ERRORS:
        return keys
    return keys


def _archive(head: bytes) -> Seen | None:
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return Seen("tracker_export" if head[_LOCAL_NAME_AT:].startswith(EXPORT_MARKER.encode()) else "zip")
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Seen("tar_zst")
    if head.startswith(b"\x1f\x8b"):
        return Seen("tar_gz") if _is_tar(_unpacked(head)) else Seen("unknown", "is compressed, but no archive; upload the file itself")
    return Seen("tar") if _is_tar(head) else None


def _is_tar(head: bytes) -> bool:
    try:
        # Checks the header's checksum, so that no other file is taken for one.
        tarfile.TarInfo.frombuf(head[:512], "utf-8", "replace")
    except tarfile.TarError:
        return False
    return True


def _unpacked(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, 512)
    except zlib.error:
        return b""


def _by_rows(text: bytes) -> Seen | None:
    """For JSON lines: the kind of the first row that shows it. None if no line is an object of its own."""
    types: set[str] = set()
    rows = 0
    for line in text.split(b"\n", _MAX_ROWS)[:_MAX_ROWS]:
        try:
            row = _object.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        rows += 1
        if (kind := _by_keys(row.keys())) is not None:
            return Seen(kind)
        name = _text(row.get("type"))
        if name and (name in _OF_NO_SESSION or "sessionId" in row):
            return Seen("transcript")
        types.add(name)
    if not rows or types == {""}:
        return None
    return Seen("unknown", seems_to_be(types))


def _by_object(text: bytes) -> Seen:
    """For one JSON object over many lines, or one that is longer than the head."""
    keys = top_level_keys(io.BytesIO(text), until={CREDENTIALS_KEY})
    if (kind := _by_keys(keys)) is not None:
        return Seen(kind)
    if {"sessionId", "type"} <= keys or {"sessionId", "parentUuid"} <= keys:
        return Seen("transcript")
    if "projectHash" in keys:
        return Seen("unknown", seems_to_be({"gemini"}))
    return Seen("unknown", "is nothing that can be imported")


def _by_keys(keys: Set[str]) -> Kind | None:
    if CREDENTIALS_KEY in keys:
        return "credentials"
    if "display" in keys and keys & {"project", "pastedContents"}:
        return "history"
    if "entries" in keys and keys & {"version", "originalPath"}:
        return "sessions_index"
    return "claude_json" if keys & CLAUDE_JSON_KEYS else None


def _text(raw: msgspec.Raw | None) -> str:
    try:
        value = msgspec.json.decode(raw) if raw is not None else ""
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return value[:100] if isinstance(value, str) else ""
