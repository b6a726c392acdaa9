"""Which regular expressions a search takes: those that Postgres looks for in linear time, of a bounded size.

Postgres runs a pattern as an automaton, a step for each character of a text. Back references and looks around are the exceptions: for these it tries
one way after the other, which can take exponential time. A step takes as long as the pattern has places, and a repetition repeats those.
"""

import re
from typing import Final

from shared.http.errors import BadRequest, invalid

MAX_CHARS: Final = 256
MAX_PLACES: Final = 256
MAX_DEPTH: Final = 10
# One more than Postgres takes: that is no regular expression.
_MOST_REPEATED: Final = 256

_ALLOWED: Final = (
    "Allowed are letters and signs, ., classes such as [a-z] and \\d, groups, |, *, +, ?, {m,n}, ^, $, and the ends of words \\y, \\m, \\M; "
    "mode=literal looks for a text as it stands"
)
# \cX is one character; a digit that is not zero makes a back reference.
_ESCAPE: Final = re.compile(r"\\(?:c.|.|$)", re.DOTALL)
_BACK_REFERENCE: Final = re.compile(r"\\[1-9]")
_CLASS: Final = re.compile(r"\[:[^\]]*:\]")
_REPEATED: Final = re.compile(r"\{(\d+)(,?)(\d*)\}")


def check(pattern: str) -> None:
    """400 for a pattern that is too long, too large, or not surely linear. What is no regular expression at all is for Postgres to tell."""
    if len(pattern) > MAX_CHARS:
        raise _refused(f"has {len(pattern)} characters; a regular expression may have {MAX_CHARS}")
    if pattern.startswith("***"):
        raise _refused("begins with ***, which is not taken here")
    if _Reading(pattern).places() > MAX_PLACES:
        raise _refused(f"has more than {MAX_PLACES} places for a character, repetitions counted; make the numbers in braces smaller")


class _Reading:
    """Goes through a pattern once, as Postgres reads it."""

    def __init__(self, pattern: str) -> None:
        self._pattern, self._at = pattern, 0

    def places(self, depth: int = 0) -> int:
        """How many characters the alternatives stand for, up to the end of their group; repeated ones as often as they are repeated."""
        if depth > MAX_DEPTH:
            raise _refused(f"has groups within groups, more than {MAX_DEPTH} deep")
        places = 0
        while self._at < len(self._pattern):
            if self._pattern[self._at] == ")":
                self._at += 1
                break
            places += self._piece(depth) * self._repeated()
        return places

    def _piece(self, depth: int) -> int:
        pattern, at = self._pattern, self._at
        self._at += 1
        match pattern[at]:
            case "\\":
                self._at = self._end_of_escape(at)
            case "[":
                self._at = self._end_of_bracket(at + 1)
            case "(":
                if pattern[at + 1 : at + 3] == "?:":
                    self._at += 2
                elif pattern[at + 1 : at + 2] == "?":
                    raise _refused(f"has {pattern[at : at + 3]}: looks around and options are not taken, of groups with ? only (?:…)")
                return self.places(depth + 1)
        return 1

    def _repeated(self) -> int:
        """How often the piece before is repeated in the automaton; goes behind the braces."""
        found = _REPEATED.match(self._pattern, self._at)
        if found is None:
            return 1
        self._at = found.end()
        least, most = (min(int(number[:4] or 0), _MOST_REPEATED) for number in (found[1], found[3]))
        return max(least + (found[2] == "," and not found[3]), most, 1)

    def _end_of_escape(self, at: int) -> int:
        escape = _ESCAPE.match(self._pattern, at)
        assert escape
        if _BACK_REFERENCE.match(escape[0]):
            raise _refused(f"has the back reference {escape[0]}, which can take for ever")
        return escape.end()

    def _end_of_bracket(self, at: int) -> int:
        pattern = self._pattern
        at += pattern[at : at + 1] == "^"
        first = at
        while at < len(pattern):
            if pattern[at] == "]" and at > first:
                return at + 1
            if pattern[at] == "\\":
                at = self._end_of_escape(at)
            elif pattern[at : at + 2] in ("[.", "[="):
                raise _refused(f"has {pattern[at : at + 2]} in a class, which is not taken here")
            else:
                named = _CLASS.match(pattern, at)
                at = named.end() if named else at + 1
        return at


def _refused(reason: str) -> BadRequest:
    return invalid("q", f"{reason}. {_ALLOWED}")
