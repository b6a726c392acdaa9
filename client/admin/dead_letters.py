"""`tracker dead-letters`: events that the tracker could not store; shows, replays and deletes them."""

from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import typer
from rich.text import Text

from client.errors import FAILED, BadAnswer
from client.http.server import Server
from client.options import AsJson, At, uuid_text
from client.output.console import Console
from client.output.local_time import local_zone, short_time
from client.output.tables import headed_table
from client.output.terminal import write_json
from client.phrases import command
from shared.quantities import counted

PATH: Final = "/api/dead-letters"
GROUPS_PATH: Final = "/api/dead-letter-groups"
# A replay of one dead letter waits this long for its outcome.
WAIT: Final = {"Prefer": "wait=10"}
# Each takes so many that nobody has more.
MOST_ROUNDS: Final = 10_000

app = typer.Typer(help="Shows, replays and deletes events that could not be stored.")

Kind = Annotated[str | None, typer.Option(metavar="KIND", help="Only dead letters of this kind.")]
Reason = Annotated[str | None, typer.Option(metavar="REASON", help="Only dead letters with exactly this reason.")]
DeadLetterId = Annotated[str, typer.Argument(metavar="ID", callback=uuid_text, help="The id of a dead letter.")]
DeadLetterIds = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Ids of dead letters.")]


@app.callback(invoke_without_command=True)
def list_dead_letters(
    context: typer.Context,
    kind: Kind = None,
    reason: Reason = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="With --json: how many dead letters, newest first.")] = 50,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Lists events that could not be stored, one row for each kind and reason."""
    if context.invoked_subcommand is not None:
        return
    query = urlencode({"limit": limit} | _filter(kind, reason))
    answer = at.server().ask("GET", f"{PATH}?{query}")
    write_json(answer) if as_json else _write_groups(answer)


@app.command()
def show(dead_letter: DeadLetterId, as_json: AsJson = False, at: At = At()) -> None:
    """Shows a dead letter: why it could not be stored, and its event, with secrets redacted."""
    answer = at.server().ask("GET", _path_of(dead_letter))
    if as_json:
        write_json(answer)
        return
    for name, value in answer.items():
        if value is not None and name != "payload":
            typer.echo(f"{name}: {value}")
    typer.echo(answer["payload"])


@app.command()
def replay(
    dead_letters: DeadLetterIds = None,
    is_all: Annotated[bool, typer.Option("--all", help="All dead letters, or those of --kind and --reason.")] = False,
    kind: Kind = None,
    reason: Reason = None,
    at: At = At(),
) -> None:
    """Tries again to store dead letters. Exit code 1 if one that is named cannot be stored again."""
    _check_choice(dead_letters, is_all, kind, reason)
    server = at.server()
    if is_all:
        count = _change_group(server, "replay", kind, reason)
        typer.echo(
            f"{counted(count, 'dead letter')} will be stored again; `{command()} dead-letters` shows those that could not be."
            if count
            else "There are no such dead letters."
        )
        return
    answers = [server.ask("POST", _path_of(each, "replay"), headers=WAIT) for each in dead_letters or ()]
    for answer in answers:
        typer.echo(f"{answer['id']}: {answer['message']}")
    if any(answer["status"] == "dead_letter" for answer in answers):
        raise typer.Exit(FAILED)


@app.command()
def delete(
    dead_letters: DeadLetterIds = None,
    is_all: Annotated[bool, typer.Option("--all", help="All dead letters of --kind, --reason, or both.")] = False,
    kind: Kind = None,
    reason: Reason = None,
    at: At = At(),
) -> None:
    """Deletes dead letters and their events."""
    _check_choice(dead_letters, is_all, kind, reason)
    if is_all and kind is None and reason is None:
        raise typer.BadParameter("goes with --kind, --reason or both", param_hint="--all")
    server = at.server()
    if is_all:
        count = _change_group(server, "delete", kind, reason)
        typer.echo(f"{counted(count, 'dead letter')} deleted." if count else "There are no such dead letters.")
    for each in dead_letters or ():
        typer.echo(f"{each}: {server.ask('DELETE', _path_of(each))['message']}")


def _check_choice(dead_letters: list[str] | None, is_all: bool, kind: str | None, reason: str | None) -> None:
    if bool(dead_letters) == is_all:
        raise typer.BadParameter("name the dead letters, or use --all", param_hint="ID")
    if dead_letters and (kind or reason):
        raise typer.BadParameter("--kind and --reason go with --all", param_hint="ID")
    for each in dead_letters or ():
        uuid_text(each)


def _change_group(server: Server, action: str, kind: str | None, reason: str | None) -> int:
    """Repeats the action until no dead letter from before is left. Returns how many were changed."""
    body: dict[str, Any] = dict(_filter(kind, reason))
    done = 0
    for _ in range(MOST_ROUNDS):
        answer: dict[str, Any] = server.ask("POST", f"{GROUPS_PATH}/{action}", body)
        done += int(answer["done"])
        if not answer["left"] or not answer["done"]:
            return done
        body["seen_before"] = answer["seen_before"]
    raise BadAnswer("The server always has more dead letters from before. Run the command again.")


def _filter(kind: str | None, reason: str | None) -> dict[str, str]:
    return {name: value for name, value in (("kind", kind), ("reason", reason)) if value is not None}


def _path_of(dead_letter: str, action: str = "") -> str:
    return f"{PATH}/{quote(dead_letter, safe='')}{action and '/' + action}"


def _write_groups(answer: dict[str, Any]) -> None:
    console = Console()
    if not answer["groups"]:
        console.print("There are no dead letters: everything that was sent could be stored.")
        return
    zone = local_zone()
    table = headed_table("Count", "Kind", "Reason", "Last seen", "Newest", right={"Count"})
    for group in answer["groups"]:
        cells = (group["kind"], group["reason"], short_time(group["last_seen_at"], zone), group["newest"][0])
        table.add_row(f"{group['count']:,}", *map(Text, cells))
    console.print(table)
    hint = f"`{command()} dead-letters show ID` shows one, `replay` tries to store it again, `delete` removes it."
    console.print(hint, style="dim")
