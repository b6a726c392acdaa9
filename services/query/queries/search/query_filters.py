"""The filters of a search, typed or given as parameters, and what they name."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.query.answers.search import FilterValue
from services.query.database import Connection, Row, one_row, rows
from services.query.queries.lists.projects import projects_of
from services.query.queries.search.query_language import Filter
from services.query.queries.stats import ranges
from shared.events.messages import EARLIEST
from shared.http.errors import BadRequest, invalid
from shared.sql_files import SqlFile

# The part of a call that is searched.
Part = Literal["input", "result"]

# Each kind that can be asked for: the kind of its documents, the part of a call, its tools.
KINDS: Final[Mapping[str, tuple[str, Part | None, tuple[str, ...] | None]]] = {
    "message": ("message", None, None),
    "tool_call": ("tool_call", None, None),
    "command": ("tool_call", "input", ("bash",)),
    "input": ("tool_call", "input", None),
    "result": ("tool_call", "result", None),
    "file": ("file", None, None),
    "session": ("session", None, None),
    "timeline_entry": ("timeline_entry", None, None),
}
_EXCLUDABLE: Final = frozenset({"project", "user", "tool", "is"})
_REPEATABLE: Final = frozenset({"project", "user", "tool", "is"})
_CHOICES: Final = {"is": ("error", "starred"), "role": ("user", "assistant"), "kind": tuple(KINDS)}
_AGO: Final = re.compile(r"(\d{1,4})(h|d|w)")
_HOURS: Final = {"h": 1, "d": 24, "w": 168}
# So many characters of a session's id name it.
MIN_SESSION_CHARACTERS: Final = 6
_HINTS: Final[Mapping[str, str]] = {
    "project": "There is no project {!r}: give its name, the end of its path, or its id; see /api/projects.",
    "session": "There is no session that begins with {!r}.",
    "group": "There is no project of the group {!r}; see /api/projects.",
    "repository": "There is no project of the repository {!r}; see /api/projects.",
    "user": "There is no user {!r}; see /api/users.",
    "tool": "No call of a tool {!r} is stored; see /api/tool-calls/stats.",
}

_SQL: Final = SqlFile(__package__, "query_filters.sql")

# Filters that are given as parameters, by their names in the language, with `start`, `end` and `project_id`. None is not given.
Given = Mapping[str, FilterValue | datetime | None]


class Filters(Struct, frozen=True):
    """`parameters` by name (text_filters.py), the `part` of calls and the `path` that must match; `shown` is what a person reads.

    `matches_nothing`: a project is unknown, or the dates are empty. `unknown` are filters that name nothing, as typed.
    """

    parameters: Row
    part: Part | None
    path: str | None
    shown: dict[str, FilterValue]
    matches_nothing: bool
    unknown: tuple[Filter, ...] = ()


def resolve(connection: Connection, typed: Sequence[Filter], given: Given, tz: ZoneInfo) -> Filters:
    """400 for a filter that is not valid, or twice there. A filter that is typed goes before the parameter of its name."""
    found = empty_filters()
    shown: dict[str, FilterValue] = {}
    seen: set[str] = set()
    path: str | None = None
    unknown: list[Filter] = []
    names = {each.name for each in typed if not each.is_excluded}
    for name, value in given.items():
        if value is not None and name not in names:
            found |= _of_given(name, value)
            shown[name] = value.isoformat() if isinstance(value, datetime) else value
    for each in typed:
        name = ("-" if each.is_excluded else "") + each.name
        _check(each, name, seen)
        seen.add(name)
        shown[name] = f"{shown[name]} or {each.value}" if name in shown else each.value
        if each.name == "project":
            key = "not_projects" if each.is_excluded else "projects"
            ids = _projects(connection, each.value)
            found[key] = (found[key] or []) + ids
            unknown += [] if ids or each.is_excluded else [each]
        elif each.name == "file":
            path = each.value
        elif each.name == "session":
            session_id = _session(connection, each.value)
            found["session_id"] = session_id or each.value
            shown[name] = session_id or each.value
            unknown += [] if session_id else [each]
        else:
            found |= _of_typed(each, found, tz)
    part = KINDS[found.pop("kind")][1] if found.get("kind") else None
    _keep_chosen(connection, found, unknown)
    nothing = found["projects"] == [] or not (found["start"] is None or found["end"] is None or found["start"] < found["end"])
    if found["start"] is None and found["end"] is not None:
        found["start"] = EARLIEST
    return Filters(found, part, path, shown, nothing, tuple(unknown))


def _keep_chosen(connection: Connection, found: Row, unknown: list[Filter]) -> None:
    """Narrows the projects to those of the group and the repository in the query. A value that no project has is unknown."""
    asked = {name: found.pop(name, None) for name in ("group", "repository")}
    chosen = projects_of(connection, **asked)
    if chosen is None:
        return
    found["projects"] = [
        each for each in chosen if found["project_id"] in (None, each) and (found["projects"] is None or each in found["projects"])
    ]
    for name, value in asked.items():
        alone = dict.fromkeys(asked) | {name: value}
        if value is not None and not chosen and not projects_of(connection, **alone):
            unknown.append(Filter(name, value, is_excluded=False))


def hints(connection: Connection, filters: Filters) -> list[str]:
    """For a search that found nothing: which of its filters name nothing that is stored, for a person."""
    found = [_HINTS[each.name].format(each.value) for each in filters.unknown]
    for name in ("user", "tool"):
        for value in filters.parameters[f"{name}s"] or ():
            if not one_row(connection, _SQL[f"known_{name}"], {"name": value})["is_known"]:
                found.append(_HINTS[name].format(value))
    return list(dict.fromkeys(found))


def _check(each: Filter, name: str, seen: set[str]) -> None:
    if each.is_excluded and each.name not in _EXCLUDABLE:
        raise invalid("q", f"-{each.name}: cannot be excluded; only project:, user:, tool: and is: can")
    if name in seen and each.name not in _REPEATABLE:
        raise invalid("q", f"{each.name}: is there twice; give it once")


def _of_given(name: str, value: FilterValue | datetime) -> Row:
    match name, value:
        case "kind", str(kind):
            return _of_kind(kind)
        case "user", user:
            return {"users": [user]}
        case "tool", str(tool):
            return {"tools": [tool.lower()]}
        case _:
            return {name: value}


def _of_typed(each: Filter, found: Row, tz: ZoneInfo) -> Row:
    value = each.value.lower()
    if each.name in _CHOICES and value not in _CHOICES[each.name]:
        raise invalid("q", f"{each.name}:{each.value} is not known; {each.name} is one of {', '.join(_CHOICES[each.name])}")
    match each.name:
        case "user" | "tool":
            key = ("not_" if each.is_excluded else "") + f"{each.name}s"
            return {key: [*(found[key] or []), value if each.name == "tool" else each.value]}
        case "is":
            return {f"is_{value}": not each.is_excluded}
        case "kind":
            return _of_kind(value)
        case "after" | "before":
            return {"start" if each.name == "after" else "end": _time(each.name, each.value, tz)}
        case name:
            return {name: value if name == "role" else each.value}


def _of_kind(kind: str) -> Row:
    document, _, tools = KINDS[kind]
    return {"kind": kind, "kinds": [document]} | ({"tools": list(tools)} if tools else {})


def _projects(connection: Connection, name: str) -> list[int]:
    """By id, name, or the end of its path."""
    return [row["id"] for row in rows(connection, _SQL.projects, {"name": name.rstrip("/")})]


def _session(connection: Connection, beginning: str) -> str | None:
    """The session with this id, or the only one whose id begins so. 400 if there are several."""
    ids = [row["session_id"] for row in rows(connection, _SQL.sessions, {"beginning": beginning})]
    if beginning in ids:
        return beginning
    if len(beginning) < MIN_SESSION_CHARACTERS:
        return None
    if len(ids) > 1:
        raise invalid("q", f"session:{beginning} is the beginning of several sessions; give more of its id")
    return ids[0] if ids else None


def _time(name: str, value: str, tz: ZoneInfo) -> datetime:
    """A date's beginning, a time, `7d` ago, `today` or `yesterday`."""
    now = datetime.now(UTC)
    if ago := _AGO.fullmatch(value.lower()):
        return now - timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
    day = {"today": 0, "yesterday": 1}.get(value.lower())
    if day is not None:
        value = (now.astimezone(tz).date() - timedelta(days=day)).isoformat()
    try:
        start, _ = ranges.instants(value, None, tz)
    except BadRequest:
        raise invalid("q", f"{name}:{value} is no date; write {name}:2024-01-15, {name}:7d or {name}:yesterday") from None
    assert start is not None
    return start


def empty_filters() -> Row:
    """Filters that every document passes."""
    names = ("session_id", "project_id", "start", "end", "kinds", "role", "tools", "not_tools", "is_error", "agent", "model", "source")
    others = ("projects", "not_projects", "users", "not_users", "machine", "branch", "is_starred")
    return dict.fromkeys((*names, *others))
