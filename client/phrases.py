"""The command's own name, as many sentences of commands print it."""

import os
import shlex
import shutil
from pathlib import Path


def command() -> str:
    """How `tracker` was called, so that a hint can be copied: `./tracker`, or `tracker` if the shell finds it by its name.

    The script of a clone sets it in TRACKER_COMMAND.
    """
    called = os.environ.get("TRACKER_COMMAND") or "tracker"
    name = Path(called).name
    return name if shutil.which(name) == called else shlex.quote(called)
