"""What ends a command, and with which exit code.

Failure                  1
├── Refused              1   the server said no
│   └── NotNow           1   … for the moment: 503, or a gateway before it
├── NothingToImport      2   there is nothing of Claude Code at the paths
└── Unreachable          3   there is no server
Interrupted              130
"""

from typing import Any, Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130


class Failure(Exception):
    """Its text tells a person what happened and what to do."""

    exit_code = FAILED


class Refused(Failure):
    """An answer that is not 2xx."""

    def __init__(self, message: str, *, status: int, details: dict[str, Any], retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        self.retry_after_seconds = retry_after_seconds


class NotNow(Refused):
    """The same may be taken in a moment."""


class NothingToImport(Failure):
    """Nothing at the paths is a file of Claude Code."""

    exit_code = USAGE


class Unreachable(Failure):
    """Nobody answers at the URL."""

    exit_code = UNREACHABLE


class Interrupted(Exception):
    """Ctrl-C, with what became of what was begun."""
