"""`tracker project`: names a project, groups, archives and shares it, and makes one of several that are one."""

from typing import Annotated, Any, Final

import typer

from client.http.server import Server
from client.options import AsJson, At
from client.output.local_time import local_zone, short_time
from client.output.terminal import write_json
from client.questions.lookup import Item, get, project_id
from shared.quantities import counted

app = typer.Typer(no_args_is_help=True, help="Names, groups, shares, archives and merges projects.")

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="Its id, its name, or the end of its path.")]
WidenKeys = Annotated[bool, typer.Option("--widen-keys", help="Also if a key that is bound to one of the two projects then sees both.")]

_SHOWN_CHANGES: Final = 10
_READERS: Final = {
    "shared": "by all",
    "private": "by their users' keys, and keys of no user",
    None: "as the server's setting TRACKER_SESSIONS says",
}


@app.command("show")
def show_project(project: Project, as_json: AsJson = False, at: At = At()) -> None:
    """Shows a project's other paths, why each counts as it, and what was changed."""
    server = at.server()
    found = get(server, f"/api/projects/{project_id(server, project)}")
    if as_json:
        write_json(found)
        return
    for line in _lines(found):
        typer.echo(line)


@app.command()
def merge(
    project: Project,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The project that it becomes a part of.")],
    widen_keys: WidenKeys = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Makes a project part of another: its sessions, and later ones of its path, count there."""
    server = at.server()
    wanted = {"merged_into": project_id(server, into)} | ({"widen_keys": True} if widen_keys else {})
    _write(_change(server, project, wanted), as_json=as_json)


@app.command()
def split(project: Project, as_json: AsJson = False, at: At = At()) -> None:
    """Takes a project out of the one that it is part of. No rule merges it any more."""
    _write(_change(at.server(), project, {"merged_into": None}), as_json=as_json)


@app.command()
def undo(project: Project, widen_keys: WidenKeys = False, as_json: AsJson = False, at: At = At()) -> None:
    """Takes a project's newest change back: a name, a group, an archive, its readers or a merge."""
    server = at.server()
    body = {"widen_keys": True} if widen_keys else {}
    _write(server.ask("POST", f"/api/projects/{project_id(server, project)}/undo", body), as_json=as_json)


@app.command()
def rename(
    project: Project,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Its new name; without one it is called by its folder again.")] = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Gives a project another name. Its path stays."""
    _write(_change(at.server(), project, {"name": name}), as_json=as_json)


@app.command()
def group(
    project: Project,
    name: Annotated[str | None, typer.Argument(metavar="GROUP", help="The group; without one the project is in none.")] = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Puts a project into a group, which `tracker report --by group` shows."""
    _write(_change(at.server(), project, {"group": name}), as_json=as_json)


@app.command()
def archive(
    project: Project,
    back: Annotated[bool, typer.Option("--back", help="Take it out of the archive.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Leaves a project out of lists. It counts in all sums."""
    _write(_change(at.server(), project, {"archived": not back}), as_json=as_json)


@app.command()
def share(
    project: Project,
    as_server: Annotated[bool, typer.Option("--as-server", help="No word of its own: as the server says (TRACKER_SESSIONS).")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Lets keys that are bound to other users read its sessions too, except those that were made private themselves."""
    _write(_change(at.server(), project, {"visibility": None if as_server else "shared"}), as_json=as_json)


@app.command()
def private(project: Project, as_json: AsJson = False, at: At = At()) -> None:
    """Keeps its sessions from keys of other users, except those that were shared themselves."""
    _write(_change(at.server(), project, {"visibility": "private"}), as_json=as_json)


def _change(server: Server, project: str, wanted: dict[str, Any]) -> Item:
    answer: Item = server.ask("PATCH", f"/api/projects/{project_id(server, project)}", wanted)
    return answer


def _write(answer: Item, *, as_json: bool) -> None:
    if as_json:
        write_json(answer)
        return
    facts = [f"group {answer['group']}"] * bool(answer["group"]) + ["archived"] * answer["archived"]
    facts += [answer["visibility"]] * bool(answer["visibility"])
    facts += [f"part of {answer['merged_into']}"] * (answer["merged_into"] is not None)
    typer.echo(f"{answer['id']} {answer['name']}{''.join(f', {fact}' for fact in facts)}. {answer['message']}")


def _lines(found: Item) -> list[str]:
    zone = local_zone()
    lines = [f"{found['id']} {found['label'] or found['name']}: {found['path']}", counted(found["total_sessions"], "session")]
    lines += [f"Group: {found['group']}"] * bool(found["group"]) + ["Archived."] * found["archived"]
    if not found["part_of"]:
        # The whole's counts for a part.
        lines.append(f"Its sessions are read {_READERS[found['visibility']]}.")
    lines += [f"Repository: {found['repository']}"] * bool(found["repository"])
    if found["part_of"]:
        lines.append(f"Part of {found['merged_into']}. {found['part_of']['because']}")
    if found["kept_apart"]:
        lines.append("No rule merges it: a person took it out of another.")
    for part in found["parts"]:
        moving = " Its sessions are being moved." if part["is_moving"] else ""
        if part["failure"]:
            moving = f" Its sessions are not moved yet: {part['failure']} It is tried again each hour."
        lines.append(f"Also {part['path']} ({part['id']}). {part['because']}{moving}")
    for each in found["changes"][:_SHOWN_CHANGES]:
        undone = f", undone {short_time(each['undone_at'], zone).strip()}" if each["undone_at"] else ""
        lines.append(f"{short_time(each['at'], zone).strip()} {', '.join(each['what'])} by {each['who'] or 'a key'}{undone}")
    return lines
