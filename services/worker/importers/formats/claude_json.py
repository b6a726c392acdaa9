"""claude.json as a stream of records: bytes in, records out, no other effect. Only an allow-list of fields is read.

The fields are those of Claude Code's `~/.claude.json`, versions 1.0.64 to 2.1.270. The `last*` fields of a project describe one session,
`lastSessionId`; they are no sums. `history` has prompts without date or session. Everything else, secrets included, is skipped while
reading and never becomes a Python object that outlives its token.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any

import ijson

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import MAX_CONTENT_CHARACTERS, clean, count_or_none, name_or_none, time_of_ms
from services.worker.importers.formats.transcript.session_facts import nano_usd_or_none, with_id
from services.worker.importers.unpacking_limits import code_of
from services.worker.persist.records import DAMAGED, FileSummary, Message, ProjectSeen, Record, RecordError, RepositorySeen, SessionFacts
from shared.claude_formats.upload_kinds import JSON_ERRORS
from shared.events.project_paths import InvalidPath, normalize_project_path
from shared.projects.remotes import normalized_remote

SOURCE = "claude.json"
# A session's numbers: claude.json's name → ours. All are integers; durations are in milliseconds.
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
_BOM = b"\xef\xbb\xbf"
MAX_REPOSITORIES = 2_000
_NAMES = {ProjectSeen: "project", SessionFacts: "session", Message: "prompt", RecordError: "error"}


@dataclass(slots=True)
class _Project:
    path: str
    scalars: dict[str, Any] = field(default_factory=dict)
    # Model → output tokens, to name the model that did most of the session.
    models: dict[str, int] = field(default_factory=dict)
    prompts: list[str] = field(default_factory=list)


def read_claude_json(file: IO[bytes], *, user: str | None) -> Iterator[Record | RecordError | FileSummary]:
    """The records of a claude.json, project by project; at last a FileSummary. Memory is bounded but for one project's prompts.

    A damaged file gives everything before the damage, then a RecordError with its place.
    """
    counts: Counter[str] = Counter()
    try:
        for project in _projects(_WithoutBom(file)):
            if isinstance(project, RepositorySeen):
                yield project
                continue
            for record in _records_of(project, user, file.tell()):
                counts[_NAMES[type(record)]] += 1
                yield record
    except JSON_ERRORS as error:
        message = f"The file is damaged near this place; what was before it is imported. ({_first_line(error)})"
        yield RecordError(code=DAMAGED, message=message, offset=file.tell())
    except OSError as error:
        yield RecordError(code=code_of(error), message=f"The file cannot be read beyond this place ({error}).", offset=file.tell())
    yield FileSummary(records=dict(counts))


class _WithoutBom:
    """The file without its byte order mark. It can be read only once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._is_begun = False

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        if not self._is_begun and data:
            self._is_begun = True
            # An empty read would be the end of the file.
            data = data.removeprefix(_BOM) or self._file.read(size)
        return data


def _first_line(error: Exception) -> str:
    # ijson's further lines quote the text around the damage, which may be a secret.
    return str(error).partition("\n")[0][:80]


def _projects(file: _WithoutBom) -> Iterator[_Project | RepositorySeen]:
    """Walks the tokens. Numbers are machine integers and floats: ijson's C code crashes on big numbers of thousands of digits.

    `path` is the chain of keys down to the current value; arrays add an empty one."""
    path: list[str] = []
    project: _Project | None = None
    repositories = 0
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
                elif (
                    path[:1] == ["githubRepoPaths"] and repositories < MAX_REPOSITORIES and (found := _repository(path, value)) is not None
                ):
                    repositories += 1
                    yield found
        if project is not None and len(path) == 2:
            yield project
            project = None


def _repository(keys: list[str], folder: Any) -> RepositorySeen | None:
    """One of the folders of a repository of GitHub; the second key is `owner/name`."""
    remote = normalized_remote(f"https://github.com/{clean(keys[1])}") if len(keys) == 3 else None
    try:
        path = normalize_project_path(folder) if isinstance(folder, str) else None
    except InvalidPath:
        return None
    return (
        None
        if remote is None or path is None or remote.count("/") != 2
        else RepositorySeen(id=ids.repository_id(path, remote), path=path, remote=remote)
    )


def _take(project: _Project, path: list[str], value: Any) -> None:
    match path[2:]:
        case [name] if name in SCALARS:
            project.scalars[name] = value
        case ["history", "", "display"] if isinstance(value, str):
            project.prompts.append(value)
        case ["lastModelUsage", model, "outputTokens"] if isinstance(value, int):
            project.models[model] = value


def _records_of(project: _Project, user: str | None, offset: int) -> Iterator[Record | RecordError]:
    try:
        path = normalize_project_path(project.path)
    except InvalidPath as error:
        yield RecordError(code="INVALID_PROJECT_PATH", message=f"A project was left out: its path {error}.", offset=offset)
        return
    yield ProjectSeen(id=ids.project_id(path), project_path=path)
    if facts := _facts(project, path, user):
        yield with_id(facts)
    yield from _prompts(project, path, user)


def _facts(project: _Project, path: str, user: str | None) -> SessionFacts | None:
    """A start that the file lacks stays unknown. lastDuration does not give it: that is the life of the process, idle days included."""
    session_id = project.scalars.get("lastSessionId")
    if not isinstance(session_id, str) or not 1 <= len(session_id) <= 200:
        return None
    version = project.scalars.get("lastVersionBase")
    model = max(project.models, key=lambda name: (project.models[name], name), default="")
    numbers: dict[str, Any] = {ours: count_or_none(project.scalars.get(theirs)) for theirs, ours in NUMBERS.items()}
    started_at = time_of_ms(project.scalars.get("lastStartTime"))
    return SessionFacts(
        id=ids.NAMESPACE,
        session_id=clean(session_id),
        source=SOURCE,
        project_path=path,
        user=user,
        started_at=started_at,
        ended_at=time_of_ms(project.scalars.get("lastSessionModified")) or started_at,
        client_version=name_or_none(clean(version)) if isinstance(version, str) else None,
        model=name_or_none(clean(model)),
        cost_nano_usd=nano_usd_or_none(project.scalars.get("lastCost")),
        **numbers,
    )


def _prompts(project: _Project, path: str, user: str | None) -> Iterator[Message]:
    """The same prompt twice is two prompts. A later file has them again, so the n-th equal prompt has the n-th id."""
    seen: dict[str, int] = {}
    for display in project.prompts:
        ordinal = seen[display] = seen.get(display, -1) + 1
        yield Message(
            id=ids.prompt_id(path, display, ordinal),
            role="user",
            content=clean(display)[:MAX_CONTENT_CHARACTERS],
            source=SOURCE,
            project_path=path,
            user=user,
        )
