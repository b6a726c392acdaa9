"""`tracker retention`: what is kept for how long; says what would go, and drops it."""

from typing import Annotated, Any, Final, Literal, get_args

import typer
from rich.text import Text

from client.errors import Failure
from client.http.follow import follow
from client.options import AsJson, At, write_end
from client.output.console import Console
from client.output.display import display_for
from client.output.local_time import local_zone, short_time
from client.output.tables import headed_table
from client.output.terminal import write_json
from client.phrases import command
from client.questions.lookup import get, project_id
from shared.quantities import counted

PATH: Final = "/api/retention"

Kind = Literal["texts", "sessions", "archive", "jobs", "dead-letters", "scrubs", "audit", "live-payloads"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)

_SINGULAR: Final = ("archive", "audit")

app = typer.Typer(help="Shows and sets for how long what is kept.")

What = Annotated[Kind, typer.Argument(metavar="WHAT", help=f"{', '.join(KINDS[:-1])} or {KINDS[-1]}.")]
Project = Annotated[str | None, typer.Option("--project", "-p", metavar="PROJECT", help="Only in this project: its id, name or path.")]
User = Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="Only of this user. Comes before a project's.")]


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go now, by project, and drop nothing.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Shows what is kept for how long, and what the last run has dropped."""
    if context.invoked_subcommand is not None:
        return
    if dry_run:
        _run(at, {"dry_run": True}, as_json=as_json)
        return
    found = at.server().ask("GET", PATH)
    if as_json:
        write_json(found)
        return
    _write_rules(found)
    if found["last_run"] is not None:
        _write_run(found["last_run"])


@app.command("set")
def set_rule(
    what: What,
    days: Annotated[str, typer.Argument(metavar="DAYS", help="Days after the last event; `forever` keeps it for good.")],
    project: Project = None,
    user: User = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Sets for how many days something is kept. The next daily run drops what is older."""
    if days != "forever" and not (days.isdecimal() and days.isascii() and int(days)):
        raise Failure(f"{days} is no number of days. Give one, such as 90, or `forever`.")
    server = at.server()
    rule = {
        "what": _in_api(what),
        "days": None if days == "forever" else int(days),
        "project_id": project_id(server, project),
        "user": user,
    }
    answer = server.ask("PUT", f"{PATH}/rules", rule)
    if as_json:
        write_json(answer)
        return
    kept = "for good" if answer["days"] is None else f"for {counted(answer['days'], 'day')}"
    typer.echo(f"{what} {'is' if what in _SINGULAR else 'are'} kept {kept}{_of(answer['project_id'] and f'project {project}', user)}.")
    typer.echo(f"`{command()} retention --dry-run` says what goes by that.")


@app.command("unset")
def unset_rule(what: What, project: Project = None, user: User = None, as_json: AsJson = False, at: At = At()) -> None:
    """Takes a rule back. Then the next wider one counts, or the server's setting."""
    server = at.server()
    of = (_in_api(what), project_id(server, project), user)
    rules = [rule for rule in get(server, PATH)["rules"] if (rule["what"], rule["project_id"], rule["user"]) == of]
    if not rules:
        raise Failure(f"There is no such rule; `{command()} retention` shows those that there are.")
    answer = server.ask("DELETE", f"{PATH}/rules/{rules[0]['id']}")
    write_json(answer) if as_json else typer.echo(answer["message"])


@app.command()
def run(
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Make the files of tables small at the end. Locks each for seconds or minutes.")
    ] = False,
    is_waiting: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done, and show what it dropped.")] = True,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Drops now what is older than it is to be kept, and waits for it. Else it begins by itself once a day."""
    _run(at, {"dry_run": False, "rewrite": rewrite}, as_json=as_json, is_waiting=is_waiting)


@app.command()
def allow(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="The id of a session, all of it.")],
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Lets a session that was dropped, or whose texts were, come again when it is imported."""
    answer = at.server().ask("POST", f"{PATH}/allow", {"session_id": session})
    if as_json:
        write_json(answer)
    elif answer["session"] or answer["texts"]:
        kept_out = "The session" if answer["session"] else "Its texts"
        typer.echo(f"{kept_out} may come again. Import it, or go on with it.")
    else:
        typer.echo("Retention has dropped nothing of this session.")


def _run(at: At, wanted: dict[str, bool], *, as_json: bool, is_waiting: bool = True) -> None:
    """Starts a run, and unless nobody waits for its end writes what it dropped."""
    display = display_for(is_quiet=as_json)
    server = at.server(display)
    started = server.ask("POST", f"{PATH}/runs", wanted)
    if not is_waiting:
        write_json(started) if as_json else typer.echo(f"The run has started; `{command()} retention` shows what it dropped.")
        return
    run_id = started["run_id"]
    ended = follow(
        server, f"{PATH}/runs/{run_id}", f"The run {run_id}", lambda seen: display.note(f"It is at {seen['stage'] or 'its begin'}.")
    )
    write_end(ended, _write_run, as_json=as_json)


def _write_rules(found: dict[str, Any]) -> None:
    table = headed_table("What", "Of", "Kept", "Source", right={"Kept"})
    everything = {rule["what"] for rule in found["rules"] if rule["project_id"] is None and rule["user"] is None}
    for setting in found["settings"]:
        what = setting["what"].replace("_", "-")
        if setting["what"] not in everything:
            source = "" if setting["days"] is None else f"TRACKER_{setting['what'].upper()}_DAYS"
            table.add_row(what, "everything", _days(setting["days"]), source)
        for rule in (rule for rule in found["rules"] if rule["what"] == setting["what"]):
            of = f"user {rule['user']}" if rule["user"] else f"project {rule['project_name']}" if rule["project_id"] else "everything"
            table.add_row(what, Text(of), _days(rule["days"]), "rule")
    Console().print(table)


def _write_run(run: dict[str, Any]) -> None:
    console = Console()
    if run["status"] == "failed":
        console.print(Text(f"The run failed. {run['failure'] or 'See the log of the worker, and start it again.'}"))
    verb = "would go" if run["dry_run"] else "went"
    when = "" if run["dry_run"] else f" at {short_time(run['created_at'], local_zone())}"
    if not run["dropped"]:
        console.print(f"Nothing {verb}{when}: nothing is older than it is to be kept.")
        return
    console.print(f"What {verb}{when}:")
    table = headed_table("What", "Project", "Sessions", "Rows", "Bytes", right={"Sessions", "Rows", "Bytes"})
    for each in run["dropped"]:
        numbers = (f"{each[name]:,}" for name in ("sessions", "rows", "bytes"))
        table.add_row(each["what"].replace("_", "-"), Text(each["project_name"] or ""), *numbers)
    console.print(table)
    if run["database_bytes_after"] is not None and not run["dry_run"]:
        console.print(
            f"The database had {run['database_bytes_before']:,} bytes before, and {run['database_bytes_after']:,} after.", style="dim"
        )


def _days(days: int | None) -> str:
    return "for good" if days is None else counted(days, "day")


def _of(project: str | None, user: str | None) -> str:
    of = project or (f"user {user}" if user else None)
    return "" if of is None else f", of {of}"


def _in_api(what: Kind) -> str:
    return what.replace("-", "_")
