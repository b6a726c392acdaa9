"""Settings that switch hooks off: an administrator's, and a person's own."""

import json
from pathlib import Path
from typing import Any, Final

from client.connect.places import Places, project_settings
from client.connect.settings.hook_events import MARK

# True, or a list of what comes from an administrator and from plugins alone. Newer versions of Claude Code know it.
_ONLY_PLUGINS: Final = "strictPluginOnlyCustomization"


def managed_settings(places: Places) -> list[tuple[Path, dict[str, Any]]]:
    """The administrator's settings on this machine that can be read: the file and its value."""
    files = [places.managed / "managed-settings.json", *sorted((places.managed / "managed-settings.d").glob("*.json"))]
    return readable_settings(files)


def switch_off(places: Places, project: Path | None) -> str | None:
    """Why hooks of ours would not run, and what to do, in one sentence. None if nothing switches them off."""
    for path, value in managed_settings(places):
        if value.get("disableAllHooks") is True:
            return (
                f"{path} of your administrator switches all hooks off (disableAllHooks). "
                "`tracker ship --forever` sends transcripts without hooks."
            )
        if (lock := _lock_of(value)) is not None and brings_hooks(places, None) is None:
            return f"{path} allows only your administrator's hooks ({lock}). Give them what `tracker connect --print-settings` prints."
    own = [places.user_settings]
    if project is not None:
        own += [project / ".claude" / "settings.json", project_settings(project)]
    for path, value in readable_settings(own):
        if value.get("disableAllHooks") is True:
            return f"{path} switches all hooks off. Remove `disableAllHooks` from it, and try again."
    return None


def _lock_of(value: dict[str, Any]) -> str | None:
    """The setting by which only an administrator's hooks run. Claude Code takes a value that it does not know for the strictest one."""
    if value.get("allowManagedHooksOnly") is True:
        return "allowManagedHooksOnly"
    locked = value.get(_ONLY_PLUGINS)
    return _ONLY_PLUGINS if ("hooks" in locked if isinstance(locked, list) else locked not in (None, False)) else None


def brings_hooks(places: Places, folder: Path | None) -> Path | None:
    """The settings of an administrator or of a project's team that bring hooks of ours (`tracker connect --print-settings`)."""
    files = managed_settings(places) + readable_settings([] if folder is None else [folder / ".claude" / "settings.json"])
    return next((path for path, value in files if MARK in json.dumps(value.get("hooks"), ensure_ascii=False)), None)


def readable_settings(files: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Those of these files that are there and that Claude Code can read: the file and its value."""
    found = []
    for path in files:
        try:
            value = json.loads(path.read_text("utf-8-sig"))
        except (OSError, ValueError, RecursionError):
            # Claude Code ignores it too.
            continue
        if isinstance(value, dict):
            found.append((path, value))
    return found
