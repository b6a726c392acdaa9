"""`tracker statusline`: runs statusline.sh, which does the work. Claude Code waits for a status line, and Python alone takes 80 ms to start."""

import os
from pathlib import Path
from typing import Final, NoReturn

from client.capture.folder import capture_folder
from client.errors import Failure

STATUS_LINE_SCRIPT: Final = Path(__file__).with_name("statusline.sh")


def status_line(command: list[str], home: Path) -> NoReturn:
    """Becomes the script. `command`: another status line, to be shown instead of ours.

    No variable names the folder: the settings of any project can set those.
    """
    if os.name == "nt":
        raise Failure("The status line needs a POSIX shell, which Windows has not.")
    old = ["--", *command] if command else []
    os.execv("/bin/sh", ["sh", str(STATUS_LINE_SCRIPT), str(capture_folder({}, home)), *old])  # noqa: S606
