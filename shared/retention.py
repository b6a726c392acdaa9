"""The kinds of rows that are kept for a time, as rules and settings name them."""

from typing import Final, Literal, get_args

What = Literal["texts", "sessions", "archive", "jobs", "dead_letters", "scrubs", "audit", "live_payloads"]
WHAT: Final[tuple[What, ...]] = get_args(What)
# A project and a user can have rules of their own for these.
OF_SESSIONS: Final[frozenset[What]] = frozenset({"texts", "sessions", "archive"})
MAX_DAYS: Final = 36_500
