"""`tracker connect`: from the checks to the first event that came through."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import typer

from client.capture.folder import read_object
from client.connect import round_trip
from client.connect.claude_program import find_claude
from client.connect.places import Places
from client.connect.plan import Extras, Plan, Telemetry, plan_connect, read_state, state_file, telemetry_decided
from client.connect.service import service_file, start_service
from client.connect.settings.hook_events import TIMES, HookSet, hook_set_of
from client.connect.settings.settings_files import CannotChange, Change, backup, diff, read_settings, write
from client.connect.settings.team_settings import settings_text, where_they_go
from client.errors import Failure, Refused, Unreachable
from client.http.server import Server
from client.phrases import command
from client.resume.claude_folder import name_of_project, projects_folder
from shared.quantities import duration

_EXECUTABLE: Final = 0o700
_READABLE: Final = 0o644
_NOT_FOUND: Final = 404
UNKNOWN_ROUTE: Final = (404, 405)


class NotConnected(Failure):
    """The person said no, or could not be asked."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The person's wishes. `project`: only there; None: everywhere. `wait_seconds`: for the test event."""

    url: str
    token: str | None
    user: str | None
    project: Path | None
    is_dry_run: bool
    is_yes: bool
    is_service: bool
    wait_seconds: float
    # None: as was chosen on this machine before, else telemetry, and the hooks that it leaves necessary.
    hooks: HookSet | None = None
    has_telemetry: bool | None = None
    has_status_line: bool = False


def connect(wish: Wish, places: Places, server: Server, import_history: Callable[[list[Path] | None], None]) -> None:
    """Raises Failure with one sentence. Nothing is changed before the person agreed."""
    claude = find_claude(places.environment)
    known = read_object(places.config)
    has_telemetry = known.get("telemetry") is not False if wish.has_telemetry is None else wish.has_telemetry
    if wish.has_status_line and os.name == "nt":
        raise CannotChange("The status line needs a POSIX shell, which Windows has not. Nothing was changed; connect without --statusline.")
    if not wish.is_dry_run:
        _check_server(server)
    telemetry = _telemetry(places, wish.project, server, has_telemetry=has_telemetry, is_dry_run=wish.is_dry_run)
    chosen = wish.hooks or known.get("hooks")
    hooks = hook_set_of(chosen, has_telemetry=telemetry == "put in")
    extras = Extras(hooks, telemetry, has_status_line=wish.has_status_line)
    config = {
        "url": wish.url,
        "token": wish.token,
        "user": wish.user,
        "hooks": chosen,
        "telemetry": None if has_telemetry else False,
    }
    plan = plan_connect(places, claude, wish.project, config, extras)
    if wish.is_dry_run:
        if plan.is_needed:
            _show(plan, hooks)
        else:
            typer.echo("Already connected. Nothing would be changed.")
        if wish.is_service and (service := service_file(places)).is_needed:
            typer.echo(_brief(service), nl=False)
        return
    if plan.is_needed:
        _show(plan, hooks)
        ask("Change these files?", "connect", is_yes=wish.is_yes)
        carry_out(plan, places)
    else:
        typer.echo("Already connected. Nothing was changed.")
    if wish.is_service:
        _start_service(places)
    import_history(None if wish.project is None else [_transcripts_of(wish.project, places)])
    arrived = round_trip.send_test_event(places, server, wish.wait_seconds)
    typer.echo(f"A test event came through in {duration(arrived.seconds * 1_000)}.")
    typer.echo("Connected: your next prompt will appear within two seconds. Sessions that run already must be started again.")


def _telemetry(places: Places, project: Path | None, server: Server, *, has_telemetry: bool, is_dry_run: bool) -> Telemetry:
    """Changes telemetry as wished; says so where it is not what the person may expect. An exporter that is somebody else's is left alone."""
    if not has_telemetry:
        return "take out"
    if os.name == "nt":
        return "leave"
    if project is not None:
        # 2.1.332 ignores its variables in the settings of a project; in a person's own they would send all other sessions too.
        typer.echo("Telemetry is not set up: Claude Code takes it from your own settings alone, not from those of one project.", err=True)
        return "take out"
    if (where := telemetry_decided(places, None)) is not None:
        typer.echo(f"Telemetry is left alone: {where} says already where it goes. `tracker doctor` says what to do.", err=True)
        return "leave"
    try:
        is_taken = knows_route(server, "/v1/logs", {"resourceLogs": []})
    except Unreachable:
        # A dry run shows what would change also while the server is away.
        if not is_dry_run:
            raise
        is_taken = True
    if not is_taken:
        typer.echo("The server takes no telemetry, so it is not set up. Upgrade the server, and connect again.", err=True)
        return "take out"
    return "put in"


def _transcripts_of(project: Path, places: Places) -> Path:
    return projects_folder(places.environment, places.home) / name_of_project(str(project))


def print_settings(url: str, places: Places, *, has_telemetry: bool) -> None:
    """Writes a team's settings to standard output, and where they go to standard error."""
    claude = find_claude(places.environment)
    typer.echo(settings_text(url, None if claude is None else claude.version, has_telemetry=has_telemetry))
    typer.echo(where_they_go(places), err=True)


def _check_server(server: Server) -> None:
    """Raises Unreachable if nobody answers, and Refused if the key is not valid, may not send, or the server is too old."""
    try:
        server.ask("POST", "/api/hooks", {"hook_event_name": round_trip.TEST_EVENT, "session_id": "tracker-connect"})
    except Refused as refusal:
        if refusal.status == _NOT_FOUND:
            raise NotConnected("The server knows no live capture. Upgrade it, and connect again. Nothing was changed.") from None
        raise


def knows_route(server: Server, path: str, nothing: object) -> bool:
    """Whether the server has a route that takes what Claude Code sends; `nothing`: a body that changes nothing. Raises Unreachable."""
    try:
        server.ask("POST", path, nothing)
    except Refused as refusal:
        return refusal.status not in UNKNOWN_ROUTE
    return True


def _start_service(places: Places) -> None:
    """Writes the service's file and starts it. Where that does not work, says the command."""
    change = service_file(places)
    if change.is_needed and change.after is not None:
        write(change.path, change.after, _READABLE)
        typer.echo(f"{'new file' if change.before is None else 'changed'}: {change.path}")
    if (reason := start_service(places)) is None:
        typer.echo("The service runs, and starts when you log in.")
    else:
        typer.echo(f"The service was not started: {reason}. Start it yourself: {places.ship} --forever", err=True)


def _show(plan: Plan, hooks: HookSet) -> None:
    for change in [plan.settings, *plan.own_files]:
        if change.is_needed:
            is_brief = change is not plan.settings
            typer.echo(_brief(change) if is_brief else diff(change), nl=False)
    if not plan.is_of_team:
        instead = " instead of all, since telemetry tells the rest" if hooks == "few" and plan.had_all_hooks else ""
        typer.echo(
            f"Hooks: {hooks}{instead}. A session of ten calls takes {TIMES['few']} as long with few, {TIMES['all']} with all. "
            f"To choose: `{command()} connect --hooks few|all`."
        )


def _brief(change: Change) -> str:
    """Files in our own folder by their names: one of them holds the key."""
    return f"{'new file' if change.before is None else 'changed'}: {change.path}\n"


def ask(question: str, name: str, *, is_yes: bool) -> None:
    """Asks before something is changed. Raises NotConnected if the answer is no, or if nobody can be asked."""
    if is_yes:
        return
    if not sys.stdin.isatty():
        raise NotConnected(f"There is no terminal to ask at. `{command()} {name} --yes` does it without a question. Nothing was changed.")
    if not typer.confirm(question, default=False):
        raise NotConnected("Nothing was changed.")


def carry_out(plan: Plan, places: Places) -> None:
    """Our own files first: an entry in the settings must never name a script that is not there. Raises CannotChange."""
    if read_settings(plan.settings.path).before != plan.settings.before:
        # Claude Code writes this file too, and the person may have taken minutes to answer.
        raise CannotChange(f"{plan.settings.path} changed after it was shown. Nothing was changed; try again.")
    places.capture.mkdir(mode=0o700, parents=True, exist_ok=True)
    places.capture.chmod(0o700)
    for change in plan.own_files:
        if change.is_needed and change.after is not None:
            write(change.path, change.after, _EXECUTABLE if change.path in (places.script, places.ship) else None)
    _write_settings(plan, places)


def _write_settings(plan: Plan, places: Places) -> None:
    """Writes the settings with a backup beside them, and remembers for `tracker disconnect` what was there before."""
    if plan.is_of_team:
        # The hooks of a team do nothing where this file is.
        places.state.unlink(missing_ok=True)
        if plan.settings.is_needed and plan.settings.after is not None:
            write(plan.settings.path, plan.settings.after)
        return
    change = plan.settings
    state = read_state(places)
    if change.is_needed and change.after is not None:
        saved = None if change.before is None else backup(change.path, change.before)
        write(change.path, change.after)
        written = sha256(change.after).hexdigest()
        known = state.files.get(str(change.path))
        if known is not None and change.before is not None and sha256(change.before).hexdigest() == known["written"]:
            # The file is as we left it: what was there before the first time is still what to go back to.
            state.files[str(change.path)] = known | {"written": written}
        elif plan.has_own_before:
            state.files.pop(str(change.path), None)
        else:
            state.files[str(change.path)] = {"backup": None if saved is None else str(saved), "written": written}
    write(places.state, state_file(state))
