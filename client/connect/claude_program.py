"""The program `claude`: where it is, which version, and its `plugin` commands."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from client.connect.run_program import run_program
from client.connect.settings.hook_events import Version, parse_version
from client.connect.settings.own_entries import MARKETPLACE, PLUGIN
from client.errors import Failure

_SECONDS: Final = 60
# The first version whose `plugin` commands need no terminal.
PLUGINS_SINCE: Final[Version] = (2, 0, 43)


class PluginRefused(Failure):
    """`claude plugin` did not do what it was asked for."""


@dataclass(frozen=True, slots=True)
class ClaudeProgram:
    """`version` is None if it does not tell."""

    path: str
    version: Version | None
    environment: Mapping[str, str]

    @property
    def has_plugins(self) -> bool:
        return self.version is not None and self.version >= PLUGINS_SINCE

    def install_plugin(self, folder: str) -> None:
        """Declares the marketplace and installs its plugin anew. Raises PluginRefused."""
        self._plugin("marketplace", "add", folder)
        # An installed plugin is a copy, which a new version of ours does not change.
        if self.plugin() is not None:
            self._plugin("uninstall", PLUGIN)
        self._plugin("install", PLUGIN)
        installed = self.plugin()
        if installed is None or installed.get("errors") or not installed.get("enabled"):
            errors = "; ".join(map(str, (installed or {}).get("errors") or ["it is not listed"]))
            raise PluginRefused(f"Claude Code did not load the plugin: {errors[:300]}.")

    def remove_plugin(self) -> None:
        """Uninstalls the plugin and removes the marketplace, where they are. Raises PluginRefused."""
        if self.plugin() is not None:
            self._plugin("uninstall", PLUGIN)
        if any(known.get("name") == MARKETPLACE for known in self._listed("marketplace", "list")):
            self._plugin("marketplace", "remove", MARKETPLACE)

    def plugin(self) -> dict[str, Any] | None:
        """Our plugin as `claude plugin list` shows it. None if it is not installed."""
        return next((plugin for plugin in self._listed("list") if plugin.get("id") == PLUGIN), None)

    def _listed(self, *arguments: str) -> list[dict[str, Any]]:
        try:
            listed = json.loads(self._plugin(*arguments, "--json"))
        except ValueError:
            return []
        return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []

    def _plugin(self, *arguments: str) -> str:
        ended = _run([self.path, "plugin", *arguments], self.environment)
        if ended.returncode != 0:
            said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
            raise PluginRefused(f"`claude plugin {' '.join(arguments)}` failed: {said[-1] if said else f'exit code {ended.returncode}'}.")
        return ended.stdout


def find_claude(environment: Mapping[str, str]) -> ClaudeProgram | None:
    """The program in PATH. None if there is none, or if it does not run."""
    path = shutil.which("claude", path=environment.get("PATH", os.defpath))
    if path is None:
        return None
    try:
        ended = _run([path, "--version"], environment)
    except PluginRefused:
        return None
    return ClaudeProgram(path, parse_version(ended.stdout), environment)


def _run(command: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    try:
        return run_program(command, environment, _SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PluginRefused(f"`{' '.join(command)}` could not be run: {error}.") from None
