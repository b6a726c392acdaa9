"""The failures that end a command, and their exit codes.

Failure                  1
├── Refused              1   the server refused the request
│   └── TryLater         1   … for the moment: 502, 503 or 504
├── BadAnswer            1   what the server answered is of no use
├── NothingToImport      2   no file at the paths is one of Claude Code
└── Unreachable          3   there is no server
Interrupted              130
any other error          70   client/unexpected.py
"""

from typing import Any, Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
INTERRUPTED: Final = 130
UNEXPECTED: Final = 70


class Failure(Exception):
    """Its text tells a person in one sentence what happened and what to do."""

    exit_code = FAILED


class Refused(Failure):
    """An answer that is not 2xx."""

    def __init__(self, message: str, *, status: int, details: dict[str, Any], retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.details = details
        self.retry_after_seconds = retry_after_seconds


class TryLater(Refused):
    """The same request may succeed in a moment."""


class BadAnswer(Failure):
    """An answer that no tracker gives: too long, without an end, or of another shape."""


class NothingToImport(Failure):
    """Nothing at the paths is a file of Claude Code."""

    exit_code = USAGE


class Unreachable(Failure):
    """No server answers at the URL."""

    exit_code = UNREACHABLE


class Interrupted(Exception):
    """Ctrl-C. Its text says what continues without this command."""
