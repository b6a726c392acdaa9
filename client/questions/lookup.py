"""Finds the ids that the API needs: a project's by its name, a session's by the beginning of its id."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from client.errors import BadAnswer, Failure, Refused
from client.http.server import Server
from client.phrases import command
from shared.quantities import counted, plural
from shared.terms import terms

PAGE: Final = 1000
MOST_PAGES: Final = 10_000
MOST_EMPTY_PAGES: Final = 20
FORBIDDEN: Final = 403
_ID_CHARACTERS: Final = 36
_SHORT_ID_CHARACTERS: Final = 8

Item = dict[str, Any]


def get(server: Server, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """A GET; parameters with the value None are left out."""
    query = urlencode({name: value for name, value in (parameters or {}).items() if value is not None})
    return server.ask("GET", f"{path}?{query}" if query else path)


def pages(server: Server, path: str, parameters: Mapping[str, Any], most: int | None = None) -> Iterator[Item]:
    """The items of a list, page after page, up to `most`."""
    for answer in answers(server, path, parameters, most):
        yield from answer["items"]


def answers(
    server: Server, path: str, parameters: Mapping[str, Any], most: int | None, *, page: int = PAGE, name: str = "items"
) -> Iterator[Item]:
    """The pages of a list, each as the API answers it, until there are `most` items in the member `name`.

    BadAnswer if the pages have no end: a cursor comes again, page after page is empty, or there are more pages than any tracker has.
    """
    cursor: str | None = None
    seen: set[str | None] = set()
    left, empty = most, 0
    while left is None or left > 0:
        answer = get(server, path, {**parameters, "limit": page if left is None else min(left, page), "cursor": cursor})
        yield answer
        cursor, count = answer["next_cursor"], len(answer[name])
        if cursor is None:
            return
        empty = 0 if count else empty + 1
        if cursor in seen or empty >= MOST_EMPTY_PAGES or len(seen) >= MOST_PAGES:
            raise BadAnswer(f"The server's list {path} has no end, so not all of it was read. Check --url or TRACKER_URL.")
        seen.add(cursor)
        if left is not None:
            left -= count


def dropped_note(answer: Item, machine: str | None) -> str | None:
    """A sentence, if retention has dropped sessions that may have been on the machine that was asked for."""
    dropped = answer["dropped_sessions"]
    if not machine or not dropped:
        return None
    return f"{counted(dropped, 'session')} of these days {plural(dropped, 'is', 'are')} not kept: on which machine is not known any more."


def kept_field(dimensions: Iterable[str]) -> tuple[str, ...]:
    """The field that says of a row that retention has dropped its sessions; none where rows do not say it."""
    return ("is_kept",) if {"session", "branch", "machine"}.intersection(dimensions) else ()


def label_rows(server: Server, found: Sequence[Item]) -> None:
    """Names what retention has dropped, and calls projects of one name by their labels, with the folder above. For what people read.

    A key for numbers gets no label, which has part of a path; then they are told apart by their ids, as in the dashboard.
    """
    for row in found:
        if row.get("is_kept") is False:
            row.update({name: terms().not_kept.label for name in ("session_title", "branch", "machine") if name in row})
    rows = [row for row in found if row.get("project_name")]
    ids: dict[str, set[int]] = {}
    for row in rows:
        ids.setdefault(row["project_name"], set()).add(row["project_id"])
    if all(len(of_name) == 1 for of_name in ids.values()):
        return
    try:
        labels = {each["id"]: each["label"] for each in get(server, "/api/projects", {"limit": PAGE})}
    except Refused as error:
        if error.status != FORBIDDEN:
            raise
        return
    for row in rows:
        name, number = row["project_name"], row["project_id"]
        row["project_name"] = labels.get(number) or (name if len(ids[name]) == 1 else f"{name} #{number}")


def project_id(server: Server, name: str | None) -> int | None:
    """The id of a project that is named by id, name, or the end of its path. Failure unless exactly one matches.

    Parts of other projects are named only by what no project itself has.
    """
    if name is None:
        return None
    try:
        listed = _projects(server, {"archived": "all"})
        is_part = name.isdigit() and all(str(each["id"]) != name for each in listed)
        found = None if is_part else _named(listed, name)
        if found is None:
            found = _named(_projects(server, {"archived": "all", "parts": "true"}), name)
    except Refused as error:
        if error.status == FORBIDDEN and name.isascii() and name.isdigit():
            return int(name)
        raise
    if found is None:
        raise Failure(f"There is no project {name!r}; `{command()} projects` lists them.")
    return found


def _projects(server: Server, which: Mapping[str, str]) -> list[Item]:
    found: list[Item] = get(server, "/api/projects", {"limit": PAGE, **which})
    return found


def _named(projects: list[Item], name: str) -> int | None:
    path = name.replace("\\", "/").rstrip("/")
    for matches in (
        [each for each in projects if str(each["id"]) == name],
        [each for each in projects if name in (each["name"], each["path"])],
        [each for each in projects if f"/{each['path']}".endswith(f"/{path}")],
        [each for each in projects if name.lower() in each["name"].lower()],
    ):
        if len(matches) == 1:
            found: int = matches[0]["id"]
            return found
        if matches:
            choices = "; ".join(f"{each['id']} is {each['path'] or each['name']}" for each in matches[:10])
            raise Failure(f"{len(matches)} projects are called {name!r}. Name one by its id: {choices}.")
    return None


def short_session_id(session_id: str) -> str:
    """The beginning of a UUID, which `tracker show` takes; another id as a whole, because such ids often begin alike."""
    return session_id[:_SHORT_ID_CHARACTERS] if len(session_id) == _ID_CHARACTERS else session_id


def session(server: Server, name: str) -> Item:
    """The session with an id that is, or begins with, `name`. Failure unless exactly one matches."""
    try:
        found: Item = server.ask("GET", f"/api/sessions/{quote(name, safe='')}")
    except Refused as error:
        if error.status != 404 or len(name) >= _ID_CHARACTERS:
            raise
    else:
        return found
    matches: list[Item] = get(server, "/api/sessions", {"id_prefix": name, "limit": 5})["items"]
    if len(matches) > 1:
        raise Failure(f"Several sessions begin with {name}: {', '.join(each['session_id'] for each in matches)}. Give more of the id.")
    if not matches:
        raise Failure(f"There is no session {name}; `{command()} sessions` lists them.")
    return matches[0]


def job_id(server: Server, name: str) -> str:
    """The id of the import job that is, or begins with, `name`. Failure unless exactly one matches."""
    if len(name) >= _ID_CHARACTERS:
        return name
    ids = (each["job_id"] for each in pages(server, "/api/import/jobs", {}))
    digits = name.lower().replace("-", "")
    matches = [each for each in ids if each.replace("-", "").startswith(digits)]
    if len(matches) > 1:
        raise Failure(f"{len(matches)} jobs begin with {name}: {', '.join(matches[:5])}. Give more of the id.")
    if not matches:
        raise Failure(f"There is no job {name}; `{command()} jobs` lists them.")
    found: str = matches[0]
    return found
