"""The commands that connect this machine: their options. Their modules are loaded when they are called."""

import os
from pathlib import Path
from typing import Annotated

import typer

from client.capture.folder import user_name
from client.connect.settings.hook_events import TIMES, HookSet
from client.options import AsJson, At

IsYes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
IsDryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change, change nothing.")]
Project = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", exists=True, file_okay=False, resolve_path=True, help="Only sessions in this folder, by its settings.local.json."
    ),
]


def connect(
    project: Project = None,
    user: Annotated[str | None, typer.Option(help="Whose sessions they are. Default: your user name on this machine.")] = None,
    is_dry_run: IsDryRun = False,
    is_yes: IsYes = False,
    no_import: Annotated[bool, typer.Option("--no-import", help="Do not import the history that is there already.")] = False,
    is_service: Annotated[
        bool, typer.Option("--service", help="Also run `tracker ship --forever` as a service of yours (systemd or launchd).")
    ] = False,
    hooks: Annotated[
        HookSet | None,
        typer.Option(
            help=f"Which hooks. Sessions of ten calls took {TIMES['all']} as long with `all`, and {TIMES['few']} with `few`, "
            "none of which fires for a tool call. Default: as chosen before, else `few` where telemetry tells the rest, and `all` where not."
        ),
    ] = None,
    has_telemetry: Annotated[
        bool | None,
        typer.Option(
            "--telemetry/--no-telemetry",
            help="Whether Claude Code also sends its telemetry: exact durations, what was allowed or refused, retries. It costs no process. "
            "Default: as before, else yes, unless it goes elsewhere already.",
        ),
    ] = None,
    has_status_line: Annotated[
        bool,
        typer.Option(
            "--statusline", help="Also show cost, time, limits and cache in the status line, or keep them behind the one you have."
        ),
    ] = False,
    is_printed: Annotated[
        bool,
        typer.Option(
            "--print-settings", help="Write hooks and telemetry for the settings of a team to standard output, and change nothing."
        ),
    ] = False,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the test event.")] = 30,
    at: At = At(),
) -> None:
    """Connects Claude Code on this machine.

    From now on its sessions arrive as they happen. It shows what it will change, and asks. Then it imports the history, and sends a test event.

    Exit code: 0 connected; 1 not; 2 wrong usage; 3 no tracker there.
    """
    from client.connect.connecting import Wish, print_settings  # noqa: PLC0415
    from client.connect.connecting import connect as carry_out  # noqa: PLC0415
    from client.connect.places import places  # noqa: PLC0415
    from client.history.import_command import import_what_is_there  # noqa: PLC0415

    here, at = places(os.environ, Path.home()), at.known()
    server = at.server()
    if is_printed:
        print_settings(at.url, here, has_telemetry=has_telemetry is not False)
        return
    wish = Wish(
        url=at.url,
        token=at.token,
        user=user or user_name(os.environ),
        project=project,
        is_dry_run=is_dry_run,
        is_yes=is_yes,
        is_service=is_service,
        wait_seconds=wait,
        hooks=hooks,
        has_telemetry=has_telemetry,
        has_status_line=has_status_line,
    )
    carry_out(wish, here, server, lambda paths: None if no_import else import_what_is_there(paths, wish.user, at))


def disconnect(
    project: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            resolve_path=True,
            help="Also look into this folder's settings.local.json. Needed only if ~/.claude-tracker was removed.",
        ),
    ] = None,
    is_dry_run: IsDryRun = False,
    is_yes: IsYes = False,
) -> None:
    """Takes out what `tracker connect` put in, in all projects.

    Nothing else is changed, and what is stored stays.
    """
    from client.connect.disconnecting import disconnect as carry_out  # noqa: PLC0415
    from client.connect.places import places  # noqa: PLC0415

    carry_out(places(os.environ, Path.home()), project, is_dry_run=is_dry_run, is_yes=is_yes)


def capture(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND", help="The command and its arguments, after `--`.")],
    user: Annotated[str | None, typer.Option(help="Whose sessions they are. Default: your user name on this machine.")] = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to send after the command has ended.")] = 10,
    at: At = At(),
) -> None:
    """Runs one command and sends its sessions, for CI.

    Example: `tracker capture -- claude -p "fix the build"`. It needs no `tracker connect`, and leaves nothing on the machine.
    It ends when everything is sent, or after some seconds.

    Exit code: that of the command, also if something could not be sent.
    """
    from client.connect.one_command import capture as carry_out  # noqa: PLC0415
    from client.connect.places import places  # noqa: PLC0415

    here, at = places(os.environ, Path.home()), at.known()
    raise typer.Exit(carry_out(command, here, url=at.server().url, token=at.token, user=user or user_name(os.environ), wait_seconds=wait))


def statusline(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[-- COMMAND]", help="Another status line, which is shown unchanged.")
    ] = None,
) -> None:
    """Shows one line for Claude Code's status line.

    It keeps what Claude Code tells it, for `tracker ship`, and shows the cost and time of this session and of today, the limits, and the cache.
    `tracker connect --statusline` sets it up, around the one that you have.

    Exit code: 0; with a command, that of the command.
    """
    from client.capture.readings.command import status_line  # noqa: PLC0415

    status_line(command or [], Path.home())


def doctor(
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for the test event.")] = 15,
    as_json: AsJson = False,
    at: At = At(),
) -> None:
    """Checks every step from the hook to a query.

    It says how to repair what fails. It runs the installed hook with a test event, which appears in no statistics. The server and its key are those of `tracker connect`.

    Exit code: 0 all steps work; 1 one fails.
    """
    from client.connect.doctor.examine import doctor as examine  # noqa: PLC0415
    from client.connect.places import places  # noqa: PLC0415

    here = places(os.environ, Path.home())
    raise typer.Exit(examine(here, at.server(), Path.cwd(), wait_seconds=wait, as_json=as_json))
