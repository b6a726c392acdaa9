"""The plugin by which an older `tracker connect` brought its hooks: found, and taken out. It cost every start of Claude Code more than hooks do."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

from client.connect.claude_program import SECONDS, ClaudeProgram
from client.connect.places import Places
from client.connect.run_program import run_program
from client.connect.settings.own_entries import MARKETPLACE, PLUGIN
from client.errors import Failure

# As `connect` and `disconnect` show it among what they change.
REMOVAL: Final = "removed: the plugin of an older `tracker`"


def is_there(places: Places) -> bool:
    """Whether files of it are left: our marketplace, or Claude Code's copy of the plugin, which stays for a week when it is uninstalled."""
    return any(folder.exists() for folder in _folders(places))


def remove(places: Places, claude: ClaudeProgram | None) -> None:
    """Uninstalls it and removes its files. Claude Code may reorder its settings meanwhile. Without `claude`, its settings alone forget it."""
    if claude is not None:
        if any(plugin.get("id") == PLUGIN for plugin in _listed(claude, "list")):
            _run(claude, "uninstall", PLUGIN)
        if any(known.get("name") == MARKETPLACE for known in _listed(claude, "marketplace", "list")):
            _run(claude, "marketplace", "remove", MARKETPLACE)
    for folder in _folders(places):
        shutil.rmtree(folder, ignore_errors=True)


def _folders(places: Places) -> tuple[Path, Path]:
    return places.marketplace, places.plugins / "cache" / MARKETPLACE


def _listed(claude: ClaudeProgram, *arguments: str) -> list[dict[str, Any]]:
    try:
        listed = json.loads(_run(claude, *arguments, "--json"))
    except ValueError:
        return []
    return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []


def _run(claude: ClaudeProgram, *arguments: str) -> str:
    """What `claude plugin …` prints. Raises Failure."""
    command = f"`claude plugin {' '.join(arguments)}`"
    try:
        ended = run_program([claude.path, "plugin", *arguments], claude.environment, SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failure(f"{command} could not be run: {error}.") from None
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        raise Failure(f"{command} failed: {said[-1] if said else f'exit code {ended.returncode}'}. Run it yourself, and try again.")
    return ended.stdout
