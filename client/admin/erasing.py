"""`tracker erase`: erases a session, a person, a project or a range of a session, and lifts what keeps them out."""

import os
import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.capture.transcripts.transcript_files import default_root, scan
from client.errors import Failure, Refused
from client.http.follow import follow
from client.http.server import Server
from client.options import AsJson, At, write_end
from client.output.display import display_for
from client.output.terminal import one_line, write_json
from client.phrases import command
from client.questions.lookup import get, project_id, session
from shared.quantities import counted

_NOT_FOUND: Final = 404
_ID_CHARACTERS: Final = 36

Erasure = dict[str, Any]


class What(StrEnum):
    """The kinds of things that can be erased."""

    SESSION = "session"
    PERSON = "person"
    PROJECT = "project"
    RANGE = "range"


_BEGIN: Final = typer.Option("--from", metavar="TIME", help="The first moment of a range, as 2026-05-02T10:00:00Z.")
_END: Final = typer.Option("--to", metavar="TIME", help="The moment behind the last of a range.")


def erase(
    what: Annotated[What, typer.Argument(help="session, person, project, or range of a session.", show_default=False)],
    name: Annotated[str, typer.Argument(help="The session's id, the person's name, or the project's path.", show_default=False)],
    begin: Annotated[str | None, _BEGIN] = None,
    end: Annotated[str | None, _END] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would go, erase nothing.")] = False,
    confirm: Annotated[str | None, typer.Option("--confirm", metavar="NAME", help="The name once more, instead of being asked.")] = None,
    is_lifted: Annotated[bool, typer.Option("--lift", help="Let in again what was erased or has expired. It brings nothing back.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Erases a session, a part of one, a person or a project.

    It goes from every store, and the server refuses what machines still send of it. The report names what may still have it, as backups.
    """
    display = display_for(is_quiet=as_json)
    server = at.server(display)
    if (what is What.RANGE) != (begin is not None and end is not None):
        raise Failure("A range needs --from and --to, and nothing else has them.")
    times = {"from": begin, "to": end} if what is What.RANGE else {}
    if is_lifted:
        _lift(server, what, name, times, as_json=as_json)
        return
    target, exact = _target(server, what, name)
    if confirm is None and not dry_run:
        confirm = typer.prompt(_question(what, exact), err=True)
    body = {"what": target | times, "confirm": confirm or "", "dry_run": dry_run}
    started: Erasure = server.ask("POST", "/api/erasures", body)
    erasure_id = started["erasure_id"]
    ended = follow(server, f"/api/erasures/{erasure_id}", f"The erasure {erasure_id}")
    write_end(ended, lambda erasure: typer.echo(report(erasure, _named(what, exact, times))), as_json=as_json)


def _target(server: Server, what: What, name: str) -> tuple[dict[str, Any], str]:
    """The request that the API takes, and the name to be typed again."""
    match what:
        case What.PERSON:
            return {"user": name}, name
        case What.PROJECT:
            number = project_id(server, name)
            return {"project_id": number}, str(get(server, f"/api/projects/{number}")["path"])
        case What.SESSION | What.RANGE:
            session_id = str(session(server, name)["session_id"])
            return {"session_id": session_id}, session_id


def _lift(server: Server, what: What, name: str, times: dict[str, Any], *, as_json: bool) -> None:
    field = {What.PERSON: "user", What.PROJECT: "project"}.get(what, "session_id")
    try:
        lifted = server.ask("POST", "/api/tombstones/lift", {"what": {field: name} | times})
    except Refused as error:
        if error.status != _NOT_FOUND or field != "session_id" or len(name) >= _ID_CHARACTERS:
            raise
        lifted = server.ask("POST", "/api/tombstones/lift", {"what": {field: _whole_id(name)} | times})
    write_json(lifted) if as_json else typer.echo(
        f"{counted(lifted['lifted'], 'tombstone')} lifted: what is sent from now on is stored. What was erased stays erased; send or import it again."
    )


def _whole_id(beginning: str) -> str:
    """A tombstone tells no id, only whether it is that of an id. This machine may have the transcript of an erased session. Failure if not."""
    known = {each.session_id for each in scan(default_root(os.environ, Path.home())) if each.session_id.startswith(beginning)}
    if len(known) == 1:
        return known.pop()
    if known:
        raise Failure(f"{len(known)} sessions begin with {beginning}: {', '.join(sorted(known)[:5])}. Give more of the id.")
    raise Failure(f"Give the whole id: a tombstone is found by nothing less, and no transcript of this machine begins with {beginning}.")


def _question(what: What, exact: str) -> str:
    part = "a part of the session" if what is What.RANGE else f"the {what}"
    return f"This erases {part} for good, and there is no undo. Type {one_line(exact)} to confirm"


def _named(what: What, exact: str, times: dict[str, Any]) -> str:
    """The arguments that name it. Nothing but the whole id finds its tombstone, and it is the person's to keep."""
    return shlex.join([what.value, exact, *(word for name, time in times.items() for word in (f"--{name}", time))])


def report(erasure: Erasure, named: str) -> str:
    """The report of an erasure, and of the stores that may still have it. `named`: the arguments that let it in again."""
    went = "would go" if erasure["dry_run"] else "is gone"
    counts = ", ".join(f"{count:,} {store.replace('_', ' ')}" for store, count in sorted(erasure["counts"].items())) or "nothing"
    if erasure["status"] != "succeeded":
        why = erasure["failure"] or "See the worker's log."
        return f"The erasure failed at {erasure['at_stage']}. {why} Begin it again with the same command. So far {went}: {counts}."
    lines = [f"Erased: {counts}." if not erasure["dry_run"] else f"Nothing is erased. This {went}: {counts}."]
    if remains := erasure["remains"]:
        lines += ["What may still have it:", *(f"  {name.replace('_', ' ')}: {why}" for name, why in sorted(remains.items()))]
        lines.append(f"To let it in again one day: `{command()} erase {named} --lift`.")
    return "\n".join(lines)
