"""The division of a session among what it made. It is pure: times in, pieces out.

A piece goes up to what was made, and to the end of its turn if nothing more was made in that turn. So each moment of a session is in one piece.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final, Generic, TypeVar

from msgspec import Struct

Made = TypeVar("Made")

# Its own moment is the piece's, too.
_JUST_AFTER: Final = timedelta(microseconds=1)

_ISSUE: Final = re.compile(r"(?<![\w/&])#(\d{1,7})\b|(?<![A-Za-z0-9])([A-Z][A-Z0-9]{1,9}-\d{1,7})(?![\w.])")
# `123-title`, as GitHub names a branch for an issue, and `issue-123`.
_ISSUE_OF_BRANCH: Final = re.compile(r"(?:^|/)(\d{1,7})-(?=[a-z])|\b(?:issues?|gh)[-_/](\d{1,7})\b", re.IGNORECASE)
# Standards and formats are written as issues are.
_NO_TRACKERS: Final = frozenset(
    ["AES", "CP", "CVE", "CWE", "ES", "GPT", "HTTP", "IEC", "IEEE", "IP", "ISO", "MD", "NIST", "PEP", "RFC", "SHA", "TLS", "US", "UTF"]
)


class Piece(Struct, Generic[Made], frozen=True):
    """[since, until) of a session; None is an open side. `made`: what it led to, several things of one call; nothing for what came after the last."""

    since: datetime | None
    until: datetime | None
    made: tuple[Made, ...]


def pieces_of(made: Iterable[tuple[datetime, Made]], asks: Sequence[datetime]) -> list[Piece[Made]]:
    """The pieces of a session. `made`, with when, and `asks`, which begin its turns, are ascending."""
    groups = [(at, tuple(each for _, each in group)) for at, group in groupby(made, key=lambda each: each[0])]
    pieces: list[Piece[Made]] = []
    since: datetime | None = None
    for number, (at, things) in enumerate(groups):
        turn = bisect_right(asks, at)
        next_turn = asks[turn] if turn < len(asks) else None
        next_at = groups[number + 1][0] if number + 1 < len(groups) else None
        is_last_of_turn = next_at is None or (next_turn is not None and next_turn <= next_at)
        until = next_turn if is_last_of_turn else at + _JUST_AFTER
        pieces.append(Piece(since, until, things))
        since = until
    if not pieces or since is not None:
        pieces.append(Piece(since, None, ()))
    return pieces


def issues_in(text: str, *, is_branch: bool = False) -> list[str]:
    """The issues that a subject or a branch names, each once, in their order: `#123`, `ABC-123`."""
    found = [f"#{number}" if number else key for number, key in _ISSUE.findall(text)]
    if is_branch:
        found += [f"#{first or second}" for first, second in _ISSUE_OF_BRANCH.findall(text)]
    return list(dict.fromkeys(each for each in found if each.split("-")[0] not in _NO_TRACKERS))


def divided(number: int, parts: int) -> list[int]:
    """A number in so many parts, as equal as they get: together they are the number."""
    least, more = divmod(number, parts)
    return [least + (place < more) for place in range(parts)]
