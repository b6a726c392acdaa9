"""`tracker keys` and `tracker audit`: API keys made, listed and revoked, and what admins did."""

from enum import StrEnum
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client import summary
from client.display import Quiet
from client.options import DEFAULT_URL, AsJson, Token, Url, ending, server_at

PATH: Final = "/api/keys"


class Scope(StrEnum):
    """What a key may be for."""

    INGEST = "ingest"
    READ = "read"
    NUMBERS = "numbers"
    METRICS = "metrics"
    ADMIN = "admin"


app = typer.Typer(add_completion=False, no_args_is_help=True, help="Makes, lists and revokes API keys.")

Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")]


@app.command()
def create(
    scope: Annotated[
        list[Scope], typer.Option(metavar="SCOPE", help="ingest, read, numbers, metrics or admin; several times for several.")
    ],
    name: Annotated[str, typer.Option(help="What the key is for.")],
    user: Annotated[str | None, typer.Option(help="What is sent with it is this user's.")] = None,
    project: Annotated[list[int] | None, typer.Option(metavar="ID", help="It reads only the projects that are named so.")] = None,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Makes a key and shows it, this once: the key on standard output, what it is on standard error."""
    with ending():
        wanted = {"name": name, "scopes": scope, "user": user, "project_ids": project or None}
        made: dict[str, Any] = server_at(url, token, Quiet()).ask("POST", PATH, wanted)
        if as_json:
            summary.write_json(made)
            return
        typer.echo(made["key"])
        typer.echo(f"{made['message']} Its id is {made['id']}, its scope {', '.join(made['scopes'])}.", err=True)


@app.command("list")
def list_keys(limit: Limit = 100, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Lists the keys: what each may do, for whom, and when it was used last."""
    with ending():
        keys = server_at(url, token, Quiet()).ask("GET", f"{PATH}?limit={limit}")["items"]
        if as_json:
            summary.write_json(keys)
            return
        if not keys:
            typer.echo("No keys yet; `tracker keys create` makes one.")
            return
        rows = [
            [key["id"], key["name"], ", ".join(key["scopes"]), _bound(key), _moment(key["last_used_at"]), _moment(key["revoked_at"])]
            for key in keys
        ]
        _write(["Key", "Name", "Scopes", "Bound to", "Last used", "Revoked"], rows)


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The id of a key; `tracker keys list` has them.")],
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Revokes a key: within five seconds nothing takes it any more."""
    with ending():
        answer: dict[str, Any] = server_at(url, token, Quiet()).ask("DELETE", f"{PATH}/{quote(key, safe='')}")
        if as_json:
            summary.write_json(answer)
        else:
            typer.echo(f"{answer['message']} It was {answer['name']}.")


def list_acts(limit: Limit = 100, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Lists what admins did: by whom, when, and to what."""
    with ending():
        acts = server_at(url, token, Quiet()).ask("GET", f"/api/audit?limit={limit}")["items"]
        if as_json:
            summary.write_json(acts)
            return
        rows = [[_moment(act["at"]), act["key_name"] or "", act["who"], act["act"], act["subject"] or ""] for act in acts]
        _write(["When", "Name", "Who", "Act", "To what"], rows)


def _bound(key: dict[str, Any]) -> str:
    bound = [f"user {key['user']}"] if key["user"] else []
    if key["project_ids"]:
        bound.append(f"projects {', '.join(map(str, key['project_ids']))}")
    return "; ".join(bound)


def _moment(text: str | None) -> str:
    return (text or "")[:16].replace("T", " ")


def _write(columns: list[str], rows: list[list[str]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for name in columns:
        table.add_column(name)
    for row in rows:
        # Names are texts of people, no markup.
        table.add_row(*map(Text, row))
    Console().print(table)
