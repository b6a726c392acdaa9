"""`tracker dead-letters`: what the tracker could not store, shown, replayed and deleted."""

from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from client import summary
from client.display import Quiet
from client.errors import FAILED
from client.options import DEFAULT_URL, AsJson, Token, Url, ending, server_at, uuid_text
from client.server import Server

PATH: Final = "/api/dead-letters"
GROUPS_PATH: Final = "/api/dead-letter-groups"
# A replay of one letter says what became of it, if that is soon.
WAIT: Final = {"Prefer": "wait=10"}

app = typer.Typer(add_completion=False, help="Shows, replays and deletes what could not be stored.")

Kind = Annotated[str | None, typer.Option(metavar="KIND", help="Only letters of this kind.")]
Reason = Annotated[str | None, typer.Option(metavar="REASON", help="Only letters that died of this, word for word.")]
LetterId = Annotated[str, typer.Argument(metavar="ID", callback=uuid_text, help="The id of a dead letter.")]
LetterIds = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of dead letters.")]


@app.callback(invoke_without_command=True)
def list_letters(
    context: typer.Context,
    kind: Kind = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="With --json: how many letters, newest first.")] = 50,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Lists what could not be stored, by what it died of."""
    if context.invoked_subcommand is not None:
        return
    with ending():
        query = urlencode({"limit": limit} | _filter(kind, reason))
        answer = server_at(url, token, Quiet()).ask("GET", f"{PATH}?{query}")
        if as_json:
            summary.write_json(answer)
        else:
            _write_groups(answer)


@app.command()
def show(letter: LetterId, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Shows a letter with what died, without secrets."""
    with ending():
        answer = server_at(url, token, Quiet()).ask("GET", _path_of(letter))
        if as_json:
            summary.write_json(answer)
            return
        for name, value in answer.items():
            if value is not None and name != "payload":
                typer.echo(f"{name}: {value}")
        typer.echo(answer["payload"])


@app.command()
def replay(
    letters: LetterIds = None,
    is_all: Annotated[bool, typer.Option("--all", help="All that wait, or those of --kind and --reason.")] = False,
    kind: Kind = None,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Sends letters on their way again. Exit code 1 if one that is named dies again."""
    _check_choice(letters, is_all, kind, reason)
    with ending():
        server = server_at(url, token, Quiet())
        if is_all:
            done = _group(server, "replay", kind, reason)
            typer.echo(
                "There are no such dead letters."
                if not done
                else f"{done} letters are on the journal again; `tracker dead-letters` shows what is left."
            )
            return
        answers = [(letter, server.ask("POST", _path_of(letter, "replay"), headers=WAIT)) for letter in letters or ()]
        for letter, answer in answers:
            typer.echo(f"{letter}: {answer['message']}")
        if any(answer["status"] == "dead_letter" for _, answer in answers):
            raise typer.Exit(FAILED)


@app.command()
def delete(
    letters: LetterIds = None,
    is_all: Annotated[bool, typer.Option("--all", help="All of --kind or --reason or both.")] = False,
    kind: Kind = None,
    reason: Reason = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Deletes letters and what died in them."""
    _check_choice(letters, is_all, kind, reason)
    if is_all and kind is None and reason is None:
        raise typer.BadParameter("say which: --kind, --reason or both", param_hint="--all")
    with ending():
        server = server_at(url, token, Quiet())
        if is_all:
            typer.echo(f"{_group(server, 'delete', kind, reason)} letters are deleted.")
        for letter in letters or ():
            typer.echo(f"{letter}: {server.ask('DELETE', _path_of(letter))['message']}")


def _check_choice(letters: list[str] | None, is_all: bool, kind: str | None, reason: str | None) -> None:
    if bool(letters) == is_all:
        raise typer.BadParameter("name the letters, or say --all", param_hint="ID")
    if letters and (kind or reason):
        raise typer.BadParameter("--kind and --reason go with --all", param_hint="ID")


def _group(server: Server, act: str, kind: str | None, reason: str | None) -> int:
    """Until none is left of what was there at the beginning. How many it were."""
    body: dict[str, Any] = dict(_filter(kind, reason))
    done = 0
    while True:
        answer: dict[str, Any] = server.ask("POST", f"{GROUPS_PATH}/{act}", body)
        done += int(answer["done"])
        if not answer["left"] or not answer["done"]:
            return done
        body["seen_before"] = answer["seen_before"]


def _filter(kind: str | None, reason: str | None) -> dict[str, str]:
    return {name: value for name, value in (("kind", kind), ("reason", reason)) if value is not None}


def _path_of(letter: str, act: str = "") -> str:
    return f"{PATH}/{quote(letter, safe='')}{act and '/' + act}"


def _write_groups(answer: dict[str, Any]) -> None:
    console = Console()
    if not answer["groups"]:
        console.print("No dead letters.")
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("Letters", justify="right")
    for name in ("Kind", "Reason", "Last seen", "Newest"):
        table.add_column(name, overflow="fold")
    for group in answer["groups"]:
        last_seen = group["last_seen_at"][:16].replace("T", " ")
        cells = (group["kind"], group["reason"], last_seen, group["newest"][0])
        table.add_row(f"{group['count']:,}", *map(Text, cells))
    console.print(table)
