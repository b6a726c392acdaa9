"""Tells a token made at random from words of code, by which characters follow each other.

`letter_triples.txt` has what each character costs in code behind the two before it; tests/redaction_corpus/letter_triples.py makes it. In a token
made at random each character costs the bits of its alphabet. A token that would cost more than that as code is no code. Takes constant time: of a long text the
beginning is judged.
"""

import re
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from operator import getitem
from typing import Final

SHORTEST: Final = 16
# Enough to tell; a value may be a line of a megabyte.
_JUDGED_BYTES: Final = 64
_TOKEN = re.compile(rb"[A-Za-z0-9_.~+/=-]{16,}+")
# How a URL writes a sign of a token.
_IN_URL = re.compile(rb"%(?:25)*+[0-9A-Fa-f]{2}")
# A number, a date or a version has none.
_HAS_LETTER = re.compile(rb"[A-Za-z]")
# Where a word begins inside a name: tokenName, HTTPServer.
_CAMEL = re.compile(rb"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SIGNS: Final = b"_.~+/=-"
# In the order of the rows and columns. A digit is 0, what stands around a value a blank, an edge inside a name ^; `~` and `+` are like `=`.
SYMBOLS: Final = b"abcdefghijklmnopqrstuvwxyz0^ ._-/="
_NUMBERED: Final = bytes.maketrans(
    SYMBOLS + b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789~+",
    bytes((*range(len(SYMBOLS)), *range(26), *(SYMBOLS.index(b"0"),) * 9, *(SYMBOLS.index(b"="),) * 2)),
)
# Half bits, as the table writes them.
COSTS: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Half bits of a character: of hexadecimal digits, of letters of one case with digits, of both cases.
_HEX, _ONE_CASE, _ANY_CASE = 8.0, 10.2, 11.9
_IS_HEX = re.compile(rb"[0-9a-f]++|[0-9A-F]++")
# Beside small letters code has few capitals in a row, and the table knows no capitals: half bits for each behind another.
_CAPITALS = re.compile(rb"[a-z]([A-Z]{2,}+)|([A-Z]{2,}+)[a-z]")
_OF_CAPITAL: Final = 4
# How many half bits more than at random code may cost: of 100,000 tokens two cost less.
_MOST_OF_CODE: Final = 10


def looks_random(value: bytes) -> bool:
    """Whether a value of at least 16 letters, digits and signs is a token, and no name, path or words."""
    if b"%" in value:
        value = _IN_URL.sub(b"=", value)
    if len(value) < SHORTEST or _TOKEN.fullmatch(value) is None or _HAS_LETTER.search(value) is None:
        return False
    return strangeness(value) > _MOST_OF_CODE


def strangeness(value: bytes) -> float:
    """By how many half bits a value of letters, digits and signs costs more as code than as a token made at random."""
    value = value[:_JUDGED_BYTES]
    own = value.translate(None, _SIGNS)
    each = _HEX if _IS_HEX.fullmatch(own) else _ONE_CASE if own.islower() or own.isupper() else _ANY_CASE
    written, rows = numbered(value), _rows()
    capitals = sum(len(found[1] or found[2]) - 1 for found in _CAPITALS.finditer(value))
    return sum(map(getitem, map(rows.__getitem__, pairwise(written)), written[2:])) + capitals * _OF_CAPITAL - each * len(value)


def numbered(value: bytes) -> bytes:
    """The indexes of a value's symbols, with what stands around it."""
    return (b"  %b " % _CAMEL.sub(b"^", value)).translate(_NUMBERED)


@lru_cache(maxsize=1)
def _rows() -> dict[tuple[int, int], bytes]:
    """By the two symbols before it: what each symbol costs."""
    size = len(SYMBOLS)
    lines = files("shared.redaction").joinpath("letter_triples.txt").read_text().splitlines()
    return {divmod(number, size): bytes(map(COSTS.index, line)) for number, line in enumerate(lines)}
