"""`tracker mark`: a star, tags, a note and a title of one's own on a session, and who reads it."""

from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from client.errors import Failure, Refused
from client.http.server import Server
from client.options import AsJson, At
from client.output.terminal import write_json
from client.questions.lookup import FORBIDDEN, Item, session

_READERS: Final = {
    "shared": "by all",
    "private": "by its user's keys, and keys of no user",
    None: "as the server's setting TRACKER_SESSIONS says",
}


def mark(
    name: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or its beginning; `tracker sessions` has them.")],
    star: Annotated[bool | None, typer.Option("--star/--unstar", help="Give it a star, or take the star away.")] = None,
    tags: Annotated[list[str] | None, typer.Option("--tag", metavar="TAG", help="Add a tag; repeat it for more than one.")] = None,
    removed: Annotated[list[str] | None, typer.Option("--untag", metavar="TAG", help="Remove a tag; repeat it for more than one.")] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help='Set the note; "" removes it.')] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help='Set a title of your own; "" shows Claude\'s again.')] = None,
    is_shared: Annotated[
        bool | None, typer.Option("--share/--private", help="Let keys that are bound to other users read it, or not.")
    ] = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Marks a session: a star, tags, a note, a title, who reads it.

    Without options it shows the marks. `tracker sessions --starred` and `--tag` find marked sessions.
    """
    wanted = {"is_starred": star, "add_tags": tags, "remove_tags": removed, "note": note, "title": title}
    if is_shared is not None:
        wanted["visibility"] = "shared" if is_shared else "private"
    changes = {field: value for field, value in wanted.items() if value is not None}
    server = at.server()
    found = session(server, name)
    marks = _changed(server, found["session_id"], changes) if changes else _marks_of(found)
    write_json(marks) if as_json else _show(marks)


def _changed(server: Server, session_id: str, changes: dict[str, Any]) -> Item:
    try:
        marks: Item = server.ask("PATCH", f"/api/sessions/{quote(session_id, safe='')}", changes)
    except Refused as error:
        if error.status == FORBIDDEN and "needed" in error.details:
            raise Failure("Marks need a key with the scopes ingest and read; ask whoever runs the tracker for one.") from None
        raise
    return marks


def _marks_of(found: Item) -> Item:
    """The marks of a session as the API lists it."""
    marks = {name: found[name] for name in ("session_id", "is_starred", "tags", "note", "visibility")}
    return marks | {"title": found["title"] if found["own_title"] else None}


def _show(marks: Item) -> None:
    typer.echo(f"Session {marks['session_id']}")
    typer.echo(f"Star   {'★' if marks['is_starred'] else 'none'}")
    typer.echo(f"Tags   {', '.join(marks['tags']) or 'none'}")
    typer.echo(f"Title  {marks['title'] or 'as Claude Code has it'}")
    typer.echo(f"Note   {marks['note'] or 'none'}")
    typer.echo(f"Read   {_READERS[marks['visibility']]}")
