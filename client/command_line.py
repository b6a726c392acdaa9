"""`tracker`: the commands, their options and their exit codes (client/errors.py)."""

import getpass
import math
import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from client import jobs, summary
from client.admin import dead_letters, keys, scrubbing
from client.display import SHARE_TOTAL, Quiet, display_for
from client.errors import FAILED, Failure, Interrupted, NothingToImport
from client.history.claude_files import Found, default_paths, find
from client.history.hash_cache import HashCache, cache_path
from client.history.importing import Importer, Result
from client.history.plan import problems_alone
from client.history.watching import watch
from client.options import DEFAULT_URL, AsJson, Token, Url, ending, server_at, uuid_text
from client.questions.lists import list_projects, list_sessions, list_tools, list_usage
from client.questions.report import report
from client.questions.search import search
from client.questions.show import show

MAX_USER_CHARACTERS = 200

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Brings Claude Code's history to a tracker, and looks after the tracker.",
)

app.command("report")(report)
app.command("search")(search)
app.command("show")(show)
app.command("sessions")(list_sessions)
app.command("projects")(list_projects)
app.command("tools")(list_tools)
app.command("usage")(list_usage)

JobId = Annotated[str, typer.Argument(metavar="JOB", callback=uuid_text, help="The id of an import job; `tracker jobs` lists them.")]
Waited = Annotated[bool, typer.Option("--wait", help="Wait for the job's end. Exit code 1 if it is not the one that was asked for.")]


@app.command("import")
def import_(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files, folders, archives; ~/.claude and ~/.claude.json if none.")
    ] = None,
    user: Annotated[str | None, typer.Option(help="Whose history it is; who you are on this machine if it is not said.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, send nothing.")] = False,
    is_watching: Annotated[bool, typer.Option("--watch", help="Go on and send what grows, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="With --watch: how often to look.")] = 5.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only the result.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Sends what the tracker has not seen of Claude Code's files, and waits until it is imported.

    Exit code: 0 all is imported, or nothing is new; 1 a file or a job failed; 2 wrong usage, or nothing to import; 3 no tracker there;
    130 interrupted.
    """
    if dry_run and is_watching:
        raise typer.BadParameter("--dry-run and --watch exclude each other")
    if not math.isfinite(every):
        raise typer.BadParameter("must be a number of seconds", param_hint="--every")
    display = display_for(is_quiet=quiet)
    with ending():
        wanted = _existing(paths)
        importer = Importer(server_at(url, token, display), display, HashCache(cache_path(os.environ, Path.home())), user or _os_user())
        found = find(wanted)
        _say_links(found, display)
        if is_watching:
            _check_watchable(wanted, found, importer.cache, display)
            display.note(f"Watching {', '.join(map(str, wanted))}; Ctrl-C ends it.")
            _watch(importer, wanted, every, as_json=as_json)
            return
        if not (found.files or found.problems):
            raise _nothing_at(wanted)
        plan = importer.plan(found)
        if plan.is_empty:
            raise _nothing_at(wanted)
        if dry_run:
            summary.write_plan(plan, as_json=as_json)
            return
        result = importer.send(plan)
        summary.write_result(result, as_json=as_json)
        if not result.is_whole:
            raise typer.Exit(FAILED)


@app.command("jobs")
def list_jobs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 20,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Lists import jobs and their undos."""
    with ending():
        answer = server_at(url, token, Quiet()).ask("GET", f"/api/import/jobs?limit={limit}")
        summary.write_jobs(answer["items"], as_json=as_json)


@app.command()
def cancel(job: JobId, is_waited_for: Waited = False, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Stops a job at its next chunk; what is in stays."""
    _change("POST", jobs.path_of(job, "cancel"), url, token, Wait("Cancel", {"cancelled"}) if is_waited_for else None, as_json=as_json)


@app.command()
def retry(job: JobId, is_waited_for: Waited = False, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Lets a failed job go on where it stopped."""
    _change("POST", jobs.path_of(job, "retry"), url, token, Wait("Import", {"succeeded"}) if is_waited_for else None, as_json=as_json)


@app.command()
def undo(job: JobId, is_waited_for: Waited = False, as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Takes back what a job brought, unless something else brought it too, as a job of its own."""
    _change("DELETE", jobs.path_of(job), url, token, Wait("Undo", {"succeeded"}) if is_waited_for else None, as_json=as_json)


@app.command()
def verify(as_json: AsJson = False, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Asks whether every event that was accepted is accounted for: stored, a duplicate, dead or on its way. Exit code 1 if not."""
    with ending():
        accounting: dict[str, Any] = server_at(url, token, Quiet()).ask("GET", "/api/accounting")
        summary.write_accounting(accounting, as_json=as_json)
        if accounting["drift"]:
            raise typer.Exit(FAILED)


@app.command()
def scrub(
    is_watching: Annotated[bool, typer.Option("--watch", help="Wait until it is through.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would change, change nothing.")] = False,
    as_json: AsJson = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Applies the server's rules of redaction to what it has stored already."""
    with ending():
        display = display_for(is_quiet=as_json)
        server = server_at(url, token, display)
        started = scrubbing.start(server, dry_run=dry_run)
        if not is_watching:
            summary.write_json(started) if as_json else typer.echo(
                f"Scrub {started['scrub_id']} is under way; see /api/scrubs/{started['scrub_id']}."
            )
            return
        ended = scrubbing.follow(server, started["scrub_id"], lambda seen: display.note(scrubbing.sentence(seen)))
        summary.write_json(ended) if as_json else typer.echo(scrubbing.sentence(ended))
        if ended["status"] != "succeeded":
            raise typer.Exit(FAILED)


app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(keys.app, name="keys")
app.command("audit")(keys.list_acts)


class Wait(NamedTuple):
    """For a job's end: what the wait is called, and which ends are those that were asked for."""

    name: str
    wanted: set[str]


def _change(method: str, path: str, url: str, token: str | None, wait: Wait | None, *, as_json: bool) -> None:
    with ending():
        display = display_for(is_quiet=as_json or wait is None)
        server = server_at(url, token, display)
        answer: dict[str, Any] = server.ask(method, path)
        if wait is None:
            summary.write_json(answer) if as_json else typer.echo(f"{answer['message']} Job {answer['job_id']}: {answer['status']}.")
            return
        with display.share(wait.name) as phase:
            ended = jobs.follow(server, answer["job_id"], lambda seen: phase.at(round(seen["progress"] * SHARE_TOTAL)))
            phase.end()
        summary.write_json(ended) if as_json else summary.write_end(ended)
        if ended["status"] not in wait.wanted:
            raise typer.Exit(FAILED)


def _nothing_at(paths: list[Path]) -> NothingToImport:
    return NothingToImport(
        f"There is nothing to import at {', '.join(map(str, paths))}: neither transcripts (*.jsonl) nor history.jsonl, sessions-index.json or "
        ".claude.json of Claude Code. Name ~/.claude, any part of it, or a .zip or .tar of it."
    )


def _check_watchable(paths: list[Path], found: Found, cache: HashCache, display: Quiet) -> None:
    """Failure if nothing can ever come of the paths: a folder may get files, a file that is nothing of Claude Code's stays that."""
    if not any(path.is_dir() for path in paths) and (problems := problems_alone(found, cache)):
        told = "; ".join(f"{problem.path} {problem.reason}" for problem in problems)
        raise Failure(f"There is nothing to watch: {told}. Name a folder of Claude Code's files, or one of them.")
    for problem in found.problems:
        display.note(f"{problem.path}: {problem.reason}")
    if not found.files:
        display.note("Nothing of Claude Code is there yet.")


def _existing(paths: list[Path] | None) -> list[Path]:
    wanted = paths or default_paths(os.environ, Path.home())
    existing = [path for path in wanted if path.exists()]
    if missing := [str(path) for path in paths or () if path not in existing]:
        raise typer.BadParameter(f"there is no {', '.join(missing)}", param_hint="PATH")
    if not existing:
        raise typer.BadParameter(f"there is neither {wanted[0]} nor {wanted[1]}; say where the files are", param_hint="PATH")
    return existing


def _watch(importer: Importer, paths: list[Path], every: float, *, as_json: bool) -> None:
    def on_result(result: Result) -> None:
        summary.write_result(result, as_json=as_json)

    try:
        watch(importer, paths, every_seconds=every, on_result=on_result)
    except (KeyboardInterrupt, Interrupted):
        importer.display.note("Stopped watching.")


def _say_links(found: Found, display: Quiet) -> None:
    for link in found.links_out:
        display.note(f"{link} leads out of the folder and is not followed; name it to import it too.")


def _os_user() -> str | None:
    try:
        return getpass.getuser()[:MAX_USER_CHARACTERS] or None
    except (OSError, KeyError):
        # Nobody has a name here, as in some containers.
        return None


def main() -> None:
    """The console script."""
    app(prog_name="tracker")
