"""The changes that `tracker connect` and `tracker disconnect` would make, before anything is changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from client.connect.claude_program import ClaudeProgram
from client.connect.own_files import config_file, folder_to_name, hook_of, script_files, telemetry_headers
from client.connect.places import Places, project_settings
from client.connect.settings.hook_events import FEW, HookSet, hooks_of
from client.connect.settings.hook_switches import brings_hooks, managed_settings, readable_settings, switch_off
from client.connect.settings.own_entries import has_own, own_hooks_of, with_hooks, without_capture, without_own
from client.connect.settings.settings_files import CannotChange, Change, Settings, check_writable, encoded, read_settings
from client.connect.settings.status_line import has_own_status_line, with_status_line
from client.connect.settings.telemetry import decided_elsewhere, with_telemetry, without_telemetry

Telemetry = Literal["put in", "take out", "leave"]


@dataclass(frozen=True, slots=True)
class Extras:
    """The connections beside hooks: which of them, Claude Code's telemetry, its status line (one that is ours already stays)."""

    hooks: HookSet = "all"
    telemetry: Telemetry = "leave"
    has_status_line: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`settings` is the change of Claude Code's settings file, `own_files` those in our folder."""

    settings: Change
    own_files: list[Change]
    claude: ClaudeProgram | None
    has_own_before: bool
    had_all_hooks: bool
    # An administrator's settings bring the hooks; this machine needs only the script and the address.
    is_of_team: bool

    @property
    def is_needed(self) -> bool:
        return self.settings.is_needed or any(change.is_needed for change in self.own_files)


def plan_connect(
    places: Places,
    claude: ClaudeProgram | None,
    project: Path | None,
    config: Mapping[str, Any],
    extras: Extras = Extras(),
) -> Plan:
    """Raises CannotChange if hooks are switched off, or a file cannot be changed."""
    if (reason := switch_off(places, project)) is not None:
        raise CannotChange(f"Hooks would not run: {reason}")
    path = places.user_settings if project is None else project_settings(project)
    settings = read_settings(path)
    _check_once(places, path)
    check_writable(path)
    check_writable(places.config)
    configuration = config_file(places, {**config, "only": _only(places, project)})
    own_files = [*script_files(places), configuration]
    is_of_team = brings_hooks(places, None) is not None
    wanted = hooks_of(hook_of(places), None if claude is None else claude.version, extras.hooks)
    text = without_capture(settings) if is_of_team else with_hooks(settings, wanted)
    text = _with_extras(text, path, places, str(config["url"]), extras)
    if extras.telemetry == "put in" and configuration.after is not None:
        own_files.append(telemetry_headers(places, json.loads(configuration.after)))
    return Plan(
        settings=_change(settings, text),
        own_files=own_files,
        claude=claude,
        has_own_before=has_own(settings),
        had_all_hooks=not own_hooks_of(settings).keys() <= set(FEW),
        is_of_team=is_of_team,
    )


def _with_extras(text: str, path: Path, places: Places, url: str, extras: Extras) -> str:
    """The settings with telemetry and status line as they are wished for."""
    if extras.telemetry == "put in":
        text = with_telemetry(text, url.rstrip("/"), places.telemetry_headers)
    elif extras.telemetry == "take out":
        text = without_telemetry(text)
    if extras.has_status_line or has_own_status_line(json.loads(text)):
        text = with_status_line(text, path, places.status_line, folder_to_name(places))
    return text


def telemetry_decided(places: Places, project: Path | None) -> str | None:
    """The settings that say already where telemetry goes, but for us: of an administrator, of the person, of the project, or a variable."""
    files = [places.user_settings]
    if project is not None:
        files += [project / ".claude" / "settings.json", project_settings(project)]
    return decided_elsewhere(managed_settings(places) + readable_settings(files), places.environment)


def _only(places: Places, project: Path | None) -> list[str] | None:
    """The folders of which something is sent: those that are connected by themselves. None: all."""
    if project is None:
        return None
    connected = [str(Path(file).parent.parent) for file in read_state(places).files if Path(file).name == project_settings(project).name]
    return sorted({*connected, str(project)})


def _check_once(places: Places, path: Path) -> None:
    """Raises CannotChange if hooks of ours are in other settings too: each event would be sent twice."""
    others = [Path(known) for known in read_state(places).files] + [places.user_settings]
    for other in others:
        if other != path and has_own(read_settings(other)):
            raise CannotChange(
                f"{other} connects Claude Code already, so each event would be sent twice. Run `tracker disconnect` first. Nothing was changed."
            )


def _change(settings: Settings, text: str) -> Change:
    return Change(settings.path, settings.before, settings.before if text == settings.text else encoded(settings, text))


@dataclass(slots=True)
class State:
    """The record of `tracker connect` for `tracker disconnect`: for each settings file what it held before, and what was written."""

    # The path of a settings file: the path of its backup (None: there was no file), and the SHA-256 of what was written.
    files: dict[str, dict[str, str | None]] = field(default_factory=dict)


def read_state(places: Places) -> State:
    """Empty without one, or if it is damaged: then our entries are taken out one by one."""
    try:
        value = json.loads(places.state.read_bytes())
        files = {str(path): {"backup": entry["backup"], "written": str(entry["written"])} for path, entry in value["files"].items()}
        return State(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return State()


def state_file(state: State) -> bytes:
    """The content of the file of the state."""
    return (json.dumps({"files": state.files}, indent=2) + "\n").encode()


def restored(settings: Settings, state: State) -> Change:
    """The settings file without anything of ours: exactly the former file if nobody changed it since, else with our entries taken out."""
    known = state.files.get(str(settings.path))
    if settings.before is None:
        return Change(settings.path, None, None)
    if known is not None and sha256(settings.before).hexdigest() == known["written"]:
        if known["backup"] is None:
            return Change(settings.path, settings.before, None)
        backup = Path(known["backup"])
        if backup.is_file():
            return Change(settings.path, settings.before, backup.read_bytes())
    return _change(settings, without_own(settings))
