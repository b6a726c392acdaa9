"""`tracker`: the commands, their options and their exit codes (client/errors.py)."""

import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperOption

from client.admin import dead_letters, erasing, keys, scrubbing
from client.capture.modes import ONCE_SECONDS
from client.connect import commands as connecting
from client.errors import FAILED
from client.history import jobs, summary
from client.http.server import Server
from client.live.top import top
from client.moving.move import move
from client.options import AsJson, At, uuid_beginning, with_groups, write_end
from client.output.display import SHARE_TOTAL, display_for
from client.output.terminal import write_json
from client.questions import prices, project, retention
from client.questions.advice import show_advice
from client.questions.blocks import list_blocks
from client.questions.day import day
from client.questions.export import export
from client.questions.file import file_history
from client.questions.lists import list_projects, list_sessions, list_tools, list_usage
from client.questions.lookup import job_id
from client.questions.machines import list_machines
from client.questions.mark import mark
from client.questions.quota import show_quota
from client.questions.reconcile import reconcile
from client.questions.report import report
from client.questions.search import search
from client.questions.show import show
from client.questions.work import work
from client.resume.commands import restore, resume
from client.unexpected import reported, without_debug
from client.version import version


class _OnceCommand(TyperCommand):
    """No command drops one of two values without a word, if the option takes one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """BadParameter if an option that takes one value is repeated."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option in _repeated(order):
            raise typer.BadParameter("is given more than once, and takes one value", ctx=ctx, param=option)
        return super().parse_args(ctx, args)


def _repeated(order: Sequence[Any]) -> list[TyperOption]:
    options = [each for each in order if isinstance(each, TyperOption) and not each.multiple and not each.is_flag and not each.count]
    return [each for number, each in enumerate(options) if each in options[:number]]


def complete(app: typer.Typer) -> None:
    """Makes of all commands that the app has by now, and those of its groups, what Typer takes; none takes an option twice."""
    for command in app.registered_commands:
        command.cls = _OnceCommand
        command.callback = with_groups(command.callback)
    if app.registered_callback is not None:
        app.registered_callback.callback = with_groups(app.registered_callback.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            complete(group.typer_instance)


# The groups of `tracker --help`, in its order.
QUESTIONS: Final = "Questions"
CAPTURE: Final = "Live capture"
HISTORY: Final = "History"
ADMINISTRATION: Final = "Administration"

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
    help="Shows where your time with Claude Code went, from a tracker of its history.",
    epilog="`tracker COMMAND --help` shows its options, and how it finds the server.",
)


def _write_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"tracker {version()}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[bool, typer.Option("--version", callback=_write_version, is_eager=True, help="Show the version and exit.")] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Show the trace of an unexpected error. It may stand behind the command, too.")
    ] = False,
) -> None:
    """Options of `tracker` itself."""


app.command("report", rich_help_panel=QUESTIONS)(report)
app.command("day", rich_help_panel=QUESTIONS)(day)
app.command("search", rich_help_panel=QUESTIONS)(search)
app.command("show", rich_help_panel=QUESTIONS)(show)
app.command("file", rich_help_panel=QUESTIONS)(file_history)
app.command("export", rich_help_panel=QUESTIONS)(export)
app.command("sessions", rich_help_panel=QUESTIONS)(list_sessions)
app.command("mark", rich_help_panel=QUESTIONS)(mark)
app.command("projects", rich_help_panel=QUESTIONS)(list_projects)
app.command("tools", rich_help_panel=QUESTIONS)(list_tools)
app.command("usage", rich_help_panel=QUESTIONS)(list_usage)
app.command("blocks", rich_help_panel=QUESTIONS)(list_blocks)
app.command("reconcile", rich_help_panel=QUESTIONS)(reconcile)
app.command("work", rich_help_panel=QUESTIONS)(work)
app.command("quota", rich_help_panel=QUESTIONS)(show_quota)
app.command("advice", rich_help_panel=QUESTIONS)(show_advice)
app.command("machines", rich_help_panel=QUESTIONS)(list_machines)
app.command("top", rich_help_panel=QUESTIONS)(top)

app.command("connect", rich_help_panel=CAPTURE)(connecting.connect)
app.command("disconnect", rich_help_panel=CAPTURE)(connecting.disconnect)
app.command("capture", rich_help_panel=CAPTURE)(connecting.capture)
app.command("statusline", rich_help_panel=CAPTURE)(connecting.statusline)
app.command("doctor", rich_help_panel=CAPTURE)(connecting.doctor)

JobId = Annotated[
    str,
    typer.Argument(metavar="JOB", callback=uuid_beginning, help="The id of an import job, or its beginning; `tracker jobs` lists them."),
]
IsWaiting = Annotated[bool, typer.Option("--wait", help="Wait until it is done. Exit code 1 if it fails.")]


@app.command("import", rich_help_panel=HISTORY)
def import_(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files, folders or archives. Default: ~/.claude and ~/.claude.json.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Whose history it is. Default: your user name on this machine.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be sent, send nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Imports Claude Code's history.

    It sends the files that the server does not have, and waits until they are stored. `tracker connect` keeps it current.

    Exit code: 0 all is imported, or nothing is new; 1 a file or a job failed; 2 wrong usage, or nothing to import; 3 no tracker there;
    130 interrupted.
    """
    # Only this command packs and hashes files; zstandard, tarfile and the rest would cost every other command 20 ms.
    from client.history.import_command import import_history  # noqa: PLC0415

    import_history(paths, user=user, dry_run=dry_run, quiet=quiet, as_json=as_json, at=at)


@app.command(rich_help_panel=CAPTURE)
def ship(
    is_endless: Annotated[bool, typer.Option("--forever", help="Do not end when it is quiet: for a service.")] = False,
    is_once: Annotated[bool, typer.Option("--once", help="Send everything that is there, and end.")] = False,
    within: Annotated[float, typer.Option(metavar="SECONDS", min=0.0, help="With --once: how long to try.")] = ONCE_SECONDS,
) -> None:
    """Sends what Claude Code does, as it does it.

    Hooks start it; `tracker connect` sets them up. It sends what hooks say and what transcripts grow by, and ends after a minute of quiet.
    One runs for each person and machine. The server and its key are those of `tracker connect`, or of TRACKER_URL and TRACKER_TOKEN.

    Exit code: 0 all is sent, or another one runs; 1 something could not be sent; 3 no tracker there.
    """
    if is_endless and is_once:
        raise typer.BadParameter("--forever and --once exclude each other")
    if not math.isfinite(within):
        raise typer.BadParameter("must be a number of seconds", param_hint="--within")
    from client.capture.ship import ship as run  # noqa: PLC0415

    raise typer.Exit(run("forever" if is_endless else "once" if is_once else "until-quiet", within, os.environ, Path.home()))


@app.command("hook", hidden=True)
def hook(folder: Annotated[Path | None, typer.Argument(help="The folder that `tracker connect` wrote down.")] = None) -> None:
    """Puts a payload from standard input into the spool. Claude Code calls it where there is no POSIX shell."""
    from client.capture.hooks.hook import take_payload  # noqa: PLC0415

    take_payload(folder, os.environ, Path.home())


@app.command("jobs", rich_help_panel=HISTORY)
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20, as_json: AsJson = False, at: At = At()
) -> None:
    """Lists import jobs, and the jobs that undid them."""
    answer = at.server().ask("GET", f"/api/import/jobs?limit={limit}")
    summary.write_jobs(answer["items"], as_json=as_json)


@app.command(rich_help_panel=HISTORY)
def cancel(job: JobId, is_waiting: IsWaiting = False, as_json: AsJson = False, at: At = At()) -> None:
    """Stops a running import.

    Rows that it has stored stay; `tracker undo` removes them.
    """
    _change_job("POST", job, "cancel", at, Wait("Cancel", {"cancelled"}) if is_waiting else None, as_json=as_json)


@app.command(rich_help_panel=HISTORY)
def retry(job: JobId, is_waiting: IsWaiting = False, as_json: AsJson = False, at: At = At()) -> None:
    """Continues a failed import where it stopped."""
    _change_job("POST", job, "retry", at, Wait("Import", {"succeeded"}) if is_waiting else None, as_json=as_json)


@app.command(rich_help_panel=HISTORY)
def undo(job: JobId, is_waiting: IsWaiting = False, as_json: AsJson = False, at: At = At()) -> None:
    """Removes what an import stored.

    Rows that another import or the API brought too stay. The undo is a job of its own.
    """
    _change_job("DELETE", job, "", at, Wait("Undo", {"succeeded"}) if is_waiting else None, as_json=as_json)


@app.command(rich_help_panel=ADMINISTRATION)
def reparse(
    session: Annotated[str | None, typer.Option(help="Only this session, by its id.")] = None,
    project: Annotated[int | None, typer.Option(min=1, help="Only this project, by its number.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be added, changed and removed, change nothing.")] = False,
    max_removed: Annotated[int | None, typer.Option(min=0, help="Fail before more rows than this are removed.")] = None,
    is_waiting: Annotated[bool, typer.Option("--wait", "--watch", help="Wait until it is done, and show its progress.")] = False,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Derives rows anew from the archived transcripts.

    It uses the server's present parser. A second run changes nothing. `tracker cancel` stops it. A row whose transcript is not in the archive stays.
    """
    if session is not None and project is not None:
        raise typer.BadParameter("--session and --project exclude each other")
    body = {"session_id": session, "project_id": project, "dry_run": dry_run or None, "max_removed": max_removed}
    wait = Wait("Reparse", {"succeeded"}) if is_waiting else None
    _start_job("POST", lambda _: "/api/reparse", at, wait, body={k: v for k, v in body.items() if v is not None}, as_json=as_json)


@app.command(rich_help_panel=ADMINISTRATION)
def verify(as_json: AsJson = False, at: At = At()) -> None:
    """Checks that no event sent to the API was lost.

    Exit code: 0 none was lost; 1 one was. Every accepted event must be stored, a duplicate, a dead letter, or still on its way.
    Imported history is not part of this check: `tracker jobs` shows what became of an import.
    """
    accounting: dict[str, Any] = at.server().ask("GET", "/api/accounting")
    summary.write_accounting(accounting, as_json=as_json)
    if accounting["drift"]:
        raise typer.Exit(FAILED)


app.command("scrub", rich_help_panel=ADMINISTRATION)(scrubbing.scrub)
app.command("erase", rich_help_panel=ADMINISTRATION)(erasing.erase)
app.command("move", rich_help_panel=HISTORY)(move)
app.command("resume", rich_help_panel=HISTORY)(resume)
app.command("restore", rich_help_panel=HISTORY)(restore)
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel=ADMINISTRATION)
app.add_typer(project.app, name="project", rich_help_panel=ADMINISTRATION)
app.add_typer(keys.app, name="keys", rich_help_panel=ADMINISTRATION)
app.add_typer(retention.app, name="retention", rich_help_panel=ADMINISTRATION)
app.add_typer(prices.app, name="prices", rich_help_panel=ADMINISTRATION)
app.command("audit", rich_help_panel=ADMINISTRATION)(keys.list_audit)


class Wait(NamedTuple):
    """Waiting for a job's end: the title of its progress bar, and the statuses that are a success."""

    title: str
    successes: set[str]


def _change_job(method: str, job: str, action: str, at: At, wait: Wait | None, *, as_json: bool) -> None:
    _start_job(method, lambda server: jobs.path_of(job_id(server, job), action), at, wait, as_json=as_json)


def _start_job(
    method: str,
    path: Callable[[Server], str],
    at: At,
    wait: Wait | None,
    *,
    as_json: bool,
    body: dict[str, Any] | None = None,
) -> None:
    display = display_for(is_quiet=as_json or wait is None)
    server = at.server(display)
    answer: dict[str, Any] = server.ask(method, path(server), body)
    if wait is None:
        write_json(answer) if as_json else summary.write_job_change(answer)
        return
    with display.share(wait.title) as phase:
        ended = jobs.follow(server, answer["job_id"], lambda seen: phase.at(round(seen["progress"] * SHARE_TOTAL)))
        phase.end()
    write_end(ended, summary.write_job_end, wait.successes, as_json=as_json)


complete(app)


def main() -> None:
    """The console script."""
    arguments, is_debug = without_debug(sys.argv[1:])
    with reported(is_debug=is_debug):
        app(arguments, prog_name="tracker")
