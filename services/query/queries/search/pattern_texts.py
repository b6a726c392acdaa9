"""The texts that each match of a regular expression has, as far as they are plain to see: they lead to the documents that are looked at."""

import re
from typing import Final

# Escaped letters that stand for one of several characters, for a place, or for one white space. Others have a number behind them.
_CLASSES_AND_PLACES: Final = "dwDSWbByYmMAzntrfv"
_REPEATED: Final = re.compile(r"[*+?]\??|\{(\d*)[^}]*\}\??")
_CLASS: Final = re.compile(r"\[\^?\]?(?:\[:[^\]]*:\]|\\.|[^\]\\])*\]", re.DOTALL)


def texts_of_each_match(pattern: str) -> list[list[str]]:
    """For each alternative the texts that a match has. `def \\w+_test|TODO` gives [["def ", "_test"], ["TODO"]]; `a?` gives [[]].

    A space stands for any white space: `foo\\s+bar` gives [["foo bar"]]. The inside of a group is not looked at. A pattern that is not understood gives [[]].
    """
    alternatives: list[list[str]] = [[""]]
    at = 0
    while at < len(pattern):
        letter, at = _next(pattern, at)
        if at < 0:
            return [[]]
        if letter == "|":
            alternatives.append([""])
            continue
        texts, repeated = alternatives[-1], _REPEATED.match(pattern, at)
        if letter is not None and (repeated is None or repeated[0][0] == "+" or (repeated[1] or "").strip("0")):
            texts[-1] += letter
        if letter is None or (repeated is not None and not (letter == " " and texts[-1].endswith(" "))):
            texts.append("")
        at = repeated.end() if repeated else at
    return [[text for text in texts if text] for texts in alternatives]


def _next(pattern: str, at: int) -> tuple[str | None, int]:
    """The next character that is meant as such, or None for anything else; and where it ends, negative if that is not understood."""
    match pattern[at]:
        case "\\":
            escaped = pattern[at + 1 : at + 2]
            if escaped == "s":
                return " ", at + 2
            if escaped.isalnum() or not escaped:
                return None, at + 2 if escaped and escaped in _CLASSES_AND_PLACES else -1
            # An escaped | ends the text before it, so that it is not taken for an alternative.
            return None if escaped == "|" else escaped, at + 2
        case "[":
            found = _CLASS.match(pattern, at)
            return None, found.end() if found else -1
        case "(":
            return None, _end_of_group(pattern, at)
        case "." | "^" | "$" | "*" | "+" | "?" | "{" | ")":
            return None, at + 1
        case "|":
            return "|", at + 1
        case letter:
            return letter, at + 1


def _end_of_group(pattern: str, at: int) -> int:
    depth = 0
    while at < len(pattern):
        step = at + 1
        if pattern[at] == "\\":
            step = at + 2
        elif pattern[at] == "[":
            found = _CLASS.match(pattern, at)
            if found is None:
                return -1
            step = found.end()
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at = step
        if depth == 0:
            return at
    return -1
