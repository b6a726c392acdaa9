"""`tracker disconnect`: takes out what `tracker connect` put in, and nothing else."""

from pathlib import Path
from typing import Final

import typer

from client.connect.connecting import ask
from client.connect.own_files import config_file
from client.connect.places import Places, project_settings
from client.connect.plan import State, read_state, restored
from client.connect.running_shipper import stop_shipper
from client.connect.service import remove_service
from client.connect.settings.own_entries import has_own, without_own
from client.connect.settings.settings_files import Change, Settings, check_writable, diff, encoded, read_settings, write

_OWN_FILES: Final = ("hook.sh", "ship", "statusline.sh", "otel-headers.json", "today", "limits", "connected.json")


def disconnect(places: Places, project: Path | None, *, is_dry_run: bool, is_yes: bool) -> None:
    """Raises Failure with one sentence. Hooks that are not sent yet stay, for the next `tracker connect`."""
    state = read_state(places)
    found = _settings_with_own(places, project, state)
    changes = [restored(settings, state) for settings in found]
    if not (changes or any((places.capture / name).exists() for name in _OWN_FILES)):
        typer.echo("Not connected. Nothing was changed.")
        return
    for change in changes:
        check_writable(change.path)
        typer.echo(diff(change), nl=False)
    if is_dry_run:
        return
    ask("Take these out?", "disconnect", is_yes=is_yes)
    if remove_service(places):
        typer.echo("The service is stopped and removed.")
    for settings, change in zip(found, changes, strict=True):
        _take_out(settings, change, state)
    for name in _OWN_FILES:
        (places.capture / name).unlink(missing_ok=True)
    # It would go on with sessions that run.
    stop_shipper(places.capture)
    _forget_server(places)
    typer.echo(f"Disconnected. What is stored stays. {places.capture} keeps this machine's id and folders that are left out.")


def _forget_server(places: Places) -> None:
    """Takes address, key, person and projects out of the configuration. The rest is this machine's own."""
    if not places.config.is_file():
        return
    change = config_file(places, dict.fromkeys(("url", "token", "user", "only", "hooks", "telemetry")))
    if change.is_needed and change.after is not None:
        write(change.path, change.after)


def _settings_with_own(places: Places, project: Path | None, state: State) -> list[Settings]:
    """The settings files that hold something of ours: the person's, and those of projects that were connected."""
    paths = [*map(Path, state.files), places.user_settings, *([] if project is None else [project_settings(project)])]
    return [settings for path in dict.fromkeys(paths) if has_own(settings := read_settings(path))]


def _take_out(settings: Settings, change: Change, state: State) -> None:
    """Writes the settings without our entries. An entry that was changed after they were shown stays."""
    now = read_settings(change.path)
    if change.after is None:
        if now.before == settings.before or not now.value:
            change.path.unlink(missing_ok=True)
    elif now.before == settings.before:
        write(change.path, change.after)
    if has_own(now := read_settings(change.path)):
        write(change.path, encoded(now, without_own(now)))
    # A backup that the file equals again is of no use.
    saved = state.files.get(str(change.path), {}).get("backup")
    if saved is not None and change.path.is_file() and Path(saved).is_file() and change.path.read_bytes() == Path(saved).read_bytes():
        Path(saved).unlink()
