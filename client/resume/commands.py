"""`tracker resume` and `tracker restore`: sessions of the archive, where this machine's Claude Code looks for them."""

import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from client.errors import Failure, Refused
from client.http.server import Server
from client.options import AsJson, At
from client.output.local_time import local_zone
from client.output.terminal import write_json
from client.phrases import command
from client.questions.filters import Filters
from client.questions.lookup import Item, pages, session, short_session_id
from client.questions.period import Since, Zone, period_of
from client.resume import claude_folder
from client.resume.stored_session import NoTranscript, Placed, disk_failures, fetched, files_of, place, start_of, working_folder
from shared.quantities import counted, plural

CLAUDE: Final = "claude"
# The archive has lost the content.
GONE: Final = 410


def resume(
    name: Annotated[str, typer.Argument(metavar="SESSION", help="A session's id, or its beginning; `tracker sessions` has them.")],
    folder: Annotated[
        Path | None,
        typer.Option("--in", metavar="FOLDER", exists=True, file_okay=False, help="Where the repository is on this machine, if elsewhere."),
    ] = None,
    no_start: Annotated[bool, typer.Option("--no-start", help="Write the transcript, and print the command that resumes it.")] = False,
    is_forced: Annotated[
        bool, typer.Option("--force", help="Take the tracker's transcript, also if the one here is newer or differs.")
    ] = False,
    at: At = At(),
) -> None:
    """Continues a session that was begun anywhere.

    It writes the transcript, and those of its subagents, to where Claude Code looks for them, and starts `claude --resume`. A transcript here
    that is newer stays. Files that another user than the session's sent are left out.
    """
    server = at.server()
    found = session(server, name)
    session_id, stored = found["session_id"], files_of(server, found)
    working, placed = _bring(server, session_id, stored.files, folder, is_forced=is_forced)
    own = placed[0]
    typer.echo(f"{own.path}: {own.outcome}.", err=True)
    if others := stored.left_out():
        typer.echo(others, err=True)
    _start(session_id, working, no_start=no_start)


def restore(
    chosen: Filters = Filters(),
    since: Since = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would be written, write nothing.")] = False,
    is_everywhere: Annotated[bool, typer.Option("--missing-folders", help="Also sessions whose folder is not on this machine.")] = False,
    tz: Zone = None,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Writes all transcripts that are missing here.

    Claude Code can resume them. Transcripts that are here are left as they are. Each one counts as new for Claude Code, which deletes it when it is old again.
    """
    period = period_of(local_zone(tz), since, None)
    server = at.server()
    filters = chosen.of(server) | period.parameters()
    here = {path.stem for path in _projects().glob("*/*.jsonl")}
    outcomes: list[dict[str, Any]] = []
    for found in pages(server, "/api/sessions", filters):
        if found["session_id"] not in here:
            outcome = _restore(server, found, dry_run=dry_run, is_everywhere=is_everywhere)
            outcomes.append(outcome)
            if outcome["outcome"] == "written" and not as_json:
                typer.echo(f"{short_session_id(found['session_id'])}  {outcome['folder']}  {found['title'] or ''}".rstrip())
    if as_json:
        write_json({"dry_run": dry_run, "here": len(here), "sessions": outcomes})
    else:
        left_out = sum(each.get("files_left_out", 0) for each in outcomes)
        _write_sums(Counter(each["outcome"] for each in outcomes), left_out, dry_run=dry_run)


def _bring(server: Server, session_id: str, files: list[Item], folder: Path | None, *, is_forced: bool) -> tuple[str, list[Placed]]:
    """The folder to start Claude Code in, and the files, in their places, the session's own first."""
    projects = _projects()
    with disk_failures(), fetched(server, session_id, files, projects) as loaded:
        working = claude_folder.real(folder) if folder else working_folder(loaded[0].path, session_id)
        return working, place(loaded, projects / claude_folder.name_of_project(working), session_id, is_forced=is_forced)


def _restore(server: Server, found: Item, *, dry_run: bool, is_everywhere: bool) -> dict[str, Any]:
    """The outcome of one session: `written`, `no folder` (not on this machine), or `no transcript`."""
    session_id = found["session_id"]
    told = {"session_id": session_id, "folder": None}
    try:
        stored = files_of(server, found)
        files = stored.files
        start = start_of(server, session_id, files[0])
        if start is None or not (is_everywhere or os.path.isdir(start)):
            return told | {"folder": start, "outcome": "no folder"}
        if not dry_run:
            _bring_to(server, session_id, files, start)
    except NoTranscript:
        return told | {"outcome": "no transcript"}
    except Refused as error:
        if error.status != GONE:
            raise
        return told | {"outcome": "no transcript"}
    sizes = {"bytes": sum(each["bytes"] for each in files), "files_left_out": len(stored.others)}
    return told | {"folder": start, "outcome": "written"} | sizes


def _bring_to(server: Server, session_id: str, files: list[Item], folder: str) -> None:
    projects = _projects()
    with disk_failures(), fetched(server, session_id, files, projects) as loaded:
        place(loaded, projects / claude_folder.name_of_project(claude_folder.real(folder)), session_id, is_forced=False)


def _write_sums(counts: Counter[str], left_out: int, *, dry_run: bool) -> None:
    verb = "would be written" if dry_run else "written"
    typer.echo(f"{counted(counts['written'], 'session')} {verb}.")
    if elsewhere := counts["no folder"]:
        typer.echo(
            f"{counted(elsewhere, 'session')} not: {plural(elsewhere, 'its', 'their')} folder is not on this machine. "
            f"`{command()} resume SESSION --in FOLDER` brings one to another folder."
        )
    if missing := counts["no transcript"]:
        typer.echo(f"{counted(missing, 'session')} not: the tracker has no transcript of {plural(missing, 'it', 'them')}.")
    if left_out:
        typer.echo(f"{counted(left_out, 'file')} left out: another user than the session's sent {plural(left_out, 'it', 'them')}.")


def _projects() -> Path:
    return claude_folder.projects_folder(os.environ, Path.home())


def _start(session_id: str, folder: str, *, no_start: bool) -> None:
    arguments = [CLAUDE, "--resume", session_id]
    typed = f"cd {shlex.quote(folder)} && {shlex.join(arguments)}"
    if no_start:
        typer.echo(typed)
        return
    program = shutil.which(CLAUDE)
    if program is None:
        raise Failure(f"The program `{CLAUDE}` is not on this machine's PATH. The transcript is in its place; later run: {typed}")
    os.chdir(folder)
    sys.stdout.flush()
    if sys.platform == "win32":
        # There, exec returns to the shell at once, and both would read what is typed.
        raise typer.Exit(subprocess.run([program, *arguments[1:]], check=False).returncode)
    os.execv(program, arguments)  # noqa: S606
