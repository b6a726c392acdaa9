"""Settings that switch hooks off: an administrator's, and a person's own."""

import json
from pathlib import Path
from typing import Any

from client.connect.places import Places, project_settings
from client.connect.settings.hook_events import MARK


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
        if value.get("allowManagedHooksOnly") is True and brings_hooks(places, None) is None:
            return (
                f"{path} allows only your administrator's hooks (allowManagedHooksOnly). "
                "Give them what `tracker connect --print-settings` prints."
            )
    own = [places.user_settings]
    if project is not None:
        own += [project / ".claude" / "settings.json", project_settings(project)]
    for path, value in readable_settings(own):
        if value.get("disableAllHooks") is True:
            return f"{path} switches all hooks off. Remove `disableAllHooks` from it, and try again."
    return None


def brings_hooks(places: Places, folder: Path | None) -> Path | None:
    """The settings of an administrator or of a project's team that bring hooks of ours (`tracker connect --print-settings`)."""
    files = managed_settings(places) + readable_settings([] if folder is None else [folder / ".claude" / "settings.json"])
    return next((path for path, value in files if MARK in json.dumps(value.get("hooks"), ensure_ascii=False)), None)


def forbids_own_marketplaces(places: Places) -> bool:
    """Whether the administrator lists the marketplaces that may be used. Ours is none of them."""
    return any(isinstance(value.get("strictKnownMarketplaces"), list) for _, value in managed_settings(places))


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
