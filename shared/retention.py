"""What is kept for a time, as rules and settings name it."""

from typing import Final, Literal, get_args

What = Literal["texts", "sessions", "archive", "jobs", "dead_letters", "scrubs", "audit", "live_payloads"]
WHAT: Final[tuple[What, ...]] = get_args(What)
# Of these a project and a user can have rules of their own.
OF_SESSIONS: Final[frozenset[What]] = frozenset({"texts", "sessions", "archive"})
MAX_DAYS: Final = 36_500
