"""Parts of the sentences that many commands print: the command's own name, and counted things."""

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


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 message`, `1,772 messages`"""
    return f"{count:,} {plural(count, one, many)}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`message` for 1, else `messages`, or `many` if the plural has more than an s."""
    return one if count == 1 else many or f"{one}s"
