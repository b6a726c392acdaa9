"""`tracker keys` and `tracker audit`: creates, lists and revokes API keys, and shows the audit log."""

from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from client.options import AsJson, At
from client.output.console import Console
from client.output.local_time import local_zone, short_time
from client.output.terminal import write_json
from client.phrases import command

PATH: Final = "/api/keys"


class Scope(StrEnum):
    """The rights that a key can have."""

    INGEST = "ingest"
    READ = "read"
    NUMBERS = "numbers"
    METRICS = "metrics"
    ADMIN = "admin"


app = typer.Typer(no_args_is_help=True, help="Creates, lists and revokes API keys.")

Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")]


@app.command()
def create(
    scope: Annotated[
        list[Scope], typer.Option(metavar="SCOPE", help="ingest, read, numbers, metrics or admin; repeat it for more than one.")
    ],
    name: Annotated[str, typer.Option(help="A name that tells people what the key is for.")],
    user: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="The key sends as this user, and reads this user's sessions and shared ones; repeat it for a key that reads those of several.",
        ),
    ] = None,
    project: Annotated[
        list[int] | None, typer.Option(metavar="ID", help="The key reads only this project; repeat it for more than one.")
    ] = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Creates a key and shows it, only this once: the key on standard output, its facts on standard error."""
    wanted = {"name": name, "scopes": scope, "project_ids": project or None} | _users(user or [])
    made: dict[str, Any] = at.server().ask("POST", PATH, wanted)
    if as_json:
        write_json(made)
        return
    typer.echo(made["key"])
    typer.echo(f"{made['message']} Its id is {made['id']}, its scope {', '.join(made['scopes'])}.", err=True)


@app.command("list")
def list_keys(limit: Limit = 100, as_json: AsJson = False, at: At = At()) -> None:
    """Lists the keys: what each may do, its user and projects, and when it was last used."""
    keys = at.server().ask("GET", f"{PATH}?limit={limit}")["items"]
    if as_json:
        write_json(keys)
        return
    if not keys:
        typer.echo(f"No keys yet; `{command()} keys create` creates one.")
        return
    zone = local_zone()
    rows = [
        [
            key["id"],
            key["name"],
            ", ".join(key["scopes"]),
            _bound(key),
            short_time(key["last_used_at"], zone) or "never",
            short_time(key["revoked_at"], zone),
        ]
        for key in keys
    ]
    _write(["Key", "Name", "Scopes", "Bound to", "Last used", "Revoked"], rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The id of a key; `tracker keys list` shows it.")],
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Revokes a key. Within five seconds it is refused everywhere."""
    answer: dict[str, Any] = at.server().ask("DELETE", f"{PATH}/{quote(key, safe='')}")
    write_json(answer) if as_json else typer.echo(f"{answer['name']}: {answer['message']}")


def list_audit(limit: Limit = 100, as_json: AsJson = False, at: At = At()) -> None:
    """Lists what administrators did, newest first."""
    records = at.server().ask("GET", f"/api/audit?limit={limit}")["items"]
    if as_json:
        write_json(records)
        return
    zone = local_zone()
    rows = [[short_time(each["at"], zone), each["key_name"] or "", each["who"], each["act"], each["subject"] or ""] for each in records]
    _write(["When", "Key name", "Key or host", "Action", "On"], rows)


def _users(names: list[str]) -> dict[str, Any]:
    """As the API takes one user, or several."""
    return {"user": names[0]} if len(names) == 1 else {"users": names} if names else {}


def _bound(key: dict[str, Any]) -> str:
    users = key["users"] or []
    bound = [f"user{'s' * (len(users) > 1)} {', '.join(users)}"] if users else []
    if key["project_ids"]:
        bound.append(f"projects {', '.join(map(str, key['project_ids']))}")
    return "; ".join(bound)


def _write(columns: list[str], rows: list[list[str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for name in columns:
        table.add_column(name)
    for row in rows:
        # Names are text from people, not markup.
        table.add_row(*map(Text, row))
    Console().print(table)
