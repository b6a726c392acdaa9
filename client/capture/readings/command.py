"""`tracker statusline`: runs statusline.sh, which does the work. Claude Code waits for a status line, and Python alone takes 80 ms to start."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NoReturn

from client.capture.folder import capture_folder

STATUS_LINE_SCRIPT: Final = Path(__file__).with_name("statusline.sh")


def status_line(command: list[str], environment: Mapping[str, str], home: Path) -> NoReturn:
    """Becomes the script. `command`: another status line, to be shown instead of ours."""
    old = ["--", *command] if command else []
    os.execv("/bin/sh", ["sh", str(STATUS_LINE_SCRIPT), str(capture_folder(environment, home)), *old])  # noqa: S606
