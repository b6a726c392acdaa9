"""claude.json as a stream of events: bytes in, events out, no other effect. Of the file only an allow-list of fields is ever looked at.

Source of the fields and their meaning: Claude Code's `~/.claude.json`, versions 1.0.64 to 2.1.270. The `last*` fields of a project describe
one session, `lastSessionId`; they are no sums. `history` has prompts without date or session. Everything else, secrets included,
is passed over while reading and never becomes a Python object that outlives its token.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import IO, Any
from uuid import UUID, uuid5

import ijson

from shared.messages import EARLIEST, LATEST, HistoryPrompt, Imported, ProjectSeen, SessionSnapshot
from shared.project_paths import InvalidPath, normalize_project_path

NAMESPACE = UUID("6f0d2b1e-6d0c-5b0e-9f53-0c7a5d5f6a11")

# claude.json's name of a session's number → ours. All are integers; durations are milliseconds.
NUMBERS = {
    "lastDuration": "wall_duration_ms",
    "lastAPIDuration": "api_duration_ms",
    "lastToolDuration": "tool_duration_ms",
    "lastLinesAdded": "lines_added",
    "lastLinesRemoved": "lines_removed",
    "lastTotalInputTokens": "input_tokens",
    "lastTotalOutputTokens": "output_tokens",
    "lastTotalCacheCreationInputTokens": "cache_creation_tokens",
    "lastTotalCacheReadInputTokens": "cache_read_tokens",
}
SCALARS = {*NUMBERS, "lastSessionId", "lastSessionModified", "lastStartTime", "lastCost", "lastVersionBase"}
# The code of the error that says where a file can no longer be read.
DAMAGED = "INVALID_JSON"
_MAX_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class RecordError:
    """A part of the file that could not be used. `offset` is in bytes, at or little after the place."""

    offset: int
    code: str
    message: str


@dataclass(slots=True)
class _Project:
    path: str
    scalars: dict[str, Any] = field(default_factory=dict)
    # Model → output tokens, to name the model that did most of the session.
    models: dict[str, int] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)


def read_claude_json(file: IO[bytes], user: str | None) -> Iterator[Imported | RecordError]:
    """The events of a claude.json, project by project, in constant memory but for one project's prompts.

    A damaged file gives everything before the damage, then a RecordError that says where it is.
    """
    try:
        for project in _projects(file):
            yield from _events_of(project, user, file.tell())
    except ijson.JSONError as error:
        yield RecordError(
            file.tell(), "INVALID_JSON", f"The file is damaged near this place; what was before it is imported. ({_first_line(error)})"
        )


def _first_line(error: Exception) -> str:
    # ijson quotes the text around the damage in further lines; that may be a secret.
    return str(error).partition("\n")[0][:80]


def _projects(file: IO[bytes]) -> Iterator[_Project]:
    """Walks the tokens. Numbers are machine integers and floats: as big numbers, one of thousands of digits crashes the parser's C code.

    `path` is the chain of keys down to the current value; arrays add an empty one."""
    path: list[str] = []
    project: _Project | None = None
    for event, value in ijson.basic_parse(file, use_float=True):
        match event:
            case "map_key":
                path[-1] = value
                if len(path) == 2 and path[0] == "projects":
                    project = _Project(value)
                continue
            case "start_map" | "start_array":
                path.append("")
                continue
            case "end_map" | "end_array":
                path.pop()
            case _:
                if project is not None and len(path) > 2:
                    _take(project, path, value)
        if project is not None and len(path) == 2:
            yield project
            project = None


def _take(project: _Project, path: list[str], value: Any) -> None:
    match path[2:]:
        case [name] if name in SCALARS:
            project.scalars[name] = value
        case ["history", "", "display"] if isinstance(value, str):
            project.prompts.append(value)
        case ["lastModelUsage", model, "outputTokens"] if isinstance(value, int):
            project.models[model] = value


def _events_of(project: _Project, user: str | None, offset: int) -> Iterator[Imported | RecordError]:
    try:
        path = normalize_project_path(project.path)
    except InvalidPath as error:
        yield RecordError(offset, "INVALID_PROJECT_PATH", f"A project was left out: its path {error}.")
        return
    yield ProjectSeen(project_path=path, id=uuid5(NAMESPACE, f"project\n{path}"))
    if snapshot := _snapshot(project, path, user):
        yield snapshot
    yield from _prompts(project, path, user)


def _snapshot(project: _Project, path: str, user: str | None) -> SessionSnapshot | None:
    session_id = project.scalars.get("lastSessionId")
    if not isinstance(session_id, str) or not 1 <= len(session_id) <= 200:
        return None
    version = project.scalars.get("lastVersionBase")
    model = max(project.models, key=lambda name: (project.models[name], name), default=None)
    return SessionSnapshot(
        project_path=path,
        session_id=_clean(session_id),
        id=uuid5(NAMESPACE, f"snapshot\n{session_id}"),
        user=user,
        end_time=_end_time(project.scalars),
        client_version=_clean(version)[:200] if isinstance(version, str) and version else None,
        model=_clean(model)[:200] if model else None,
        cost_nano_usd=_nano_usd(project.scalars.get("lastCost")),
        **{ours: _count(project.scalars.get(theirs)) for theirs, ours in NUMBERS.items()},
    )


def _end_time(scalars: dict[str, Any]) -> datetime | None:
    """`lastSessionModified`, else `lastStartTime`; with neither the session's date stays unknown.

    The start is not guessed from lastDuration: that is the life of the process, idle days included.
    """
    for name in ("lastSessionModified", "lastStartTime"):
        milliseconds = _count(scalars.get(name))
        if milliseconds and EARLIEST.timestamp() <= milliseconds / 1000 < LATEST.timestamp():
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
    return None


def _prompts(project: _Project, path: str, user: str | None) -> Iterator[HistoryPrompt]:
    """The same prompt twice is two prompts; a later file has them again, so the n-th equal one has the n-th id."""
    seen: dict[str, int] = {}
    for display in project.prompts:
        ordinal = seen[display] = seen.get(display, -1) + 1
        digest = sha256(display.encode("utf-8", "surrogatepass")).hexdigest()
        yield HistoryPrompt(
            project_path=path, content=_clean(display)[:1_048_576], id=uuid5(NAMESPACE, f"prompt\n{path}\n{digest}\n{ordinal}"), user=user
        )


def _clean(value: str) -> str:
    """Postgres takes neither NUL nor half of a surrogate pair."""
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _count(value: Any) -> int | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _MAX_INTEGER:
        return int(value)
    return None


def _nano_usd(value: Any) -> int | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1_000_000:
        # By its shortest text, which is what the file says.
        return round(Decimal(repr(value)) * 1_000_000_000)
    return None
