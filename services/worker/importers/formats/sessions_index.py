"""sessions-index.json: a list of a project's sessions that Claude Code 2.0 kept beside them. Bytes in, records out, no other effect.

The fields are described in docs/explanation/claude-code-formats.md. The list also has sessions whose transcripts are deleted.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

import ijson

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import clean, name_or_none, time_or_none, title_of
from services.worker.importers.formats.transcript.session_facts import with_id
from services.worker.importers.unpacking_limits import code_of
from services.worker.persist.records import TITLE_OF_PROMPT, TITLE_OF_SUMMARY, FileSummary, ProjectSeen, Record, RecordError, SessionFacts
from shared.claude_formats.upload_kinds import JSON_ERRORS
from shared.events.project_paths import InvalidPath, normalize_project_path

SOURCE = "sessions-index.json"


def read_sessions_index(file: IO[bytes], *, user: str | None) -> Iterator[Record | RecordError | FileSummary]:
    """The facts of each session, its project before it; at last a FileSummary. A damaged file gives what is before the damage, then a RecordError."""
    projects: set[str] = set()
    sessions = others = 0
    try:
        for entry in _entries(file):
            facts = _facts(entry, user)
            if facts is None:
                others += 1
                continue
            sessions += 1
            if facts.project_path is not None and facts.project_path not in projects:
                projects.add(facts.project_path)
                yield ProjectSeen(id=ids.project_id(facts.project_path), project_path=facts.project_path)
            yield with_id(facts)
    except (*JSON_ERRORS, OSError) as error:
        yield RecordError(
            code=code_of(error), message="The file is damaged near this place; what was before it is imported.", offset=file.tell()
        )
    yield FileSummary(records={"session": sessions, "(none)": others}, unknown_records={"(none)": others} if others else {})


def _entries(file: IO[bytes]) -> Iterator[dict[str, Any] | None]:
    """The texts and numbers of each entry; None for an entry that is no object. Deeper values are skipped.

    ijson.items is not used: it makes a path for each value, so its time grows with the square of the depth.
    """
    walk = _Walk()
    # use_float: without it, an integer of more than 4,300 digits makes ijson's C parser crash the process.
    for event, value in ijson.basic_parse(file, use_float=True):
        if walk.ends_an_entry(event, value):
            yield walk.entry


class _Walk:
    """The parser's place. Depth 1 is the file's object, 2 its array `entries`, 3 an entry."""

    def __init__(self) -> None:
        self.entry: dict[str, Any] | None = None
        self._depth = 0
        self._keys = {1: "", 3: ""}
        self._is_among_entries = False

    def ends_an_entry(self, event: str, value: Any) -> bool:
        """Takes the parser's next event. True if it ends an entry, which is then in `entry`."""
        if event.startswith("start_"):
            self._begin(event == "start_array")
        elif event.startswith("end_"):
            self._depth -= 1
            return self._depth == 2 and self._is_among_entries
        elif event == "map_key":
            if self._depth in self._keys:
                self._keys[self._depth] = value
        elif self._depth == 2:
            self.entry = None
            return self._is_among_entries
        elif self._depth == 3 and self.entry is not None:
            self.entry[self._keys[3]] = value
        return False

    def _begin(self, is_array: bool) -> None:
        self._depth += 1
        if self._depth == 2:
            self._is_among_entries = is_array and self._keys[1] == "entries"
        elif self._depth == 3:
            self.entry = None if is_array else {}


def _facts(entry: Any, user: str | None) -> SessionFacts | None:
    """None for an entry that is not a user's session."""
    if not isinstance(entry, dict) or entry.get("isSidechain") is True:
        return None
    session_id = _text(entry, "sessionId")
    if not session_id or len(session_id) > 200:
        return None
    summary, prompt = title_of(_text(entry, "summary")), title_of(_text(entry, "firstPrompt"))
    return SessionFacts(
        id=ids.NAMESPACE,
        session_id=session_id,
        source=SOURCE,
        project_path=_path(_text(entry, "projectPath")),
        user=user,
        started_at=_time(_text(entry, "created")),
        ended_at=_time(_text(entry, "modified")),
        title=summary or prompt or None,
        title_rank=TITLE_OF_SUMMARY if summary else TITLE_OF_PROMPT if prompt else 0,
        git_branch=name_or_none(_text(entry, "gitBranch")),
    )


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name)
    return clean(value) if isinstance(value, str) else ""


def _path(path: str) -> str | None:
    try:
        return normalize_project_path(path)
    except InvalidPath:
        return None


def _time(written: str) -> datetime | None:
    try:
        return time_or_none(datetime.fromisoformat(written))
    except ValueError:
        return None
