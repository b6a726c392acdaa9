"""Where the files are: Claude Code's, the tracker's on this machine, and those of an administrator."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from client.capture.folder import capture_folder
from client.capture.transcripts.transcript_files import claude_folder


@dataclass(frozen=True, slots=True)
class Places:
    """`claude`: Claude Code's folder; `capture`: ours; `managed`: the administrator's, which may not exist."""

    home: Path
    claude: Path
    capture: Path
    managed: Path
    environment: Mapping[str, str]

    @property
    def user_settings(self) -> Path:
        return self.claude / "settings.json"

    @property
    def config(self) -> Path:
        return self.capture / "config.json"

    @property
    def script(self) -> Path:
        return self.capture / "hook.sh"

    @property
    def status_line(self) -> Path:
        return self.capture / "statusline.sh"

    @property
    def telemetry_headers(self) -> Path:
        """The headers that Claude Code sends with its telemetry. It holds the key."""
        return self.capture / "otel-headers.json"

    @property
    def ship(self) -> Path:
        return self.capture / "ship"

    @property
    def state(self) -> Path:
        return self.capture / "connected.json"

    @property
    def spool(self) -> Path:
        return self.capture / "spool"


def project_settings(folder: Path) -> Path:
    """A person's own settings in a project. Claude Code keeps this file out of git; the paths of a machine do not belong there."""
    return folder / ".claude" / "settings.local.json"


def places(environment: Mapping[str, str], home: Path) -> Places:
    """As Claude Code finds its own, and TRACKER_CAPTURE_DIR for ours."""
    return Places(
        home=home,
        claude=claude_folder(environment, home),
        capture=capture_folder(environment, home),
        managed=_managed_folder(),
        environment=environment,
    )


def _managed_folder() -> Path:
    if sys.platform == "darwin":
        return Path("/Library/Application Support/ClaudeCode")
    if sys.platform == "win32":
        return Path("C:/Program Files/ClaudeCode")
    return Path("/etc/claude-code")
