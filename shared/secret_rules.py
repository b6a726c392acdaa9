"""The patterns, compiled: RE2 reads every text, in linear time; Python's `re` only goes on from where something begins.

That is over as much as its own match, or over a fixed length, so it is linear too.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import re2

from shared.secret_patterns import BOUNDED_TOKENS, CONTEXTS, CUT_OFF, JWT, NAMED_CONTEXTS, PEM, PEM_BEGINNING, PEM_TOLD, SECRET_NAME, TOKENS

PRIVATE_KEY = "private_key"
# How the value of each group of `Rules.context` is judged.
SHAPES = tuple(context.shape for context in (*CONTEXTS, *NAMED_CONTEXTS))
# The automata are built while they are used; with less, a text of many beginnings would empty their cache again and again.
MAX_MEMORY_BYTES = 16 * 1024**2


class Token(NamedTuple):
    """A kind: what finds it; where that has a group, it is one only with what is in there."""

    kind: str
    beginning: bytes
    pattern: re.Pattern[bytes]


# Of a text, from where and to where: the only span is of what is found first, (-1, -1) if nothing is.
Next = Callable[[bytes, int, int], tuple[tuple[int, int]]]


class Rules(NamedTuple):
    """`which_tokens` tells the indexes of the `tokens` that a text has; `next_context` finds what `context` tells apart."""

    which_tokens: Any
    tokens: tuple[Token, ...]
    next_context: Next
    context: re.Pattern[bytes]
    cut_off: Any


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Compiled at the first use: a process without texts need not spend the time."""
    forms = [
        *((kind, beginning, rest, b"", b"") for beginning, kind, rest in TOKENS),
        *((kind, beginning, rest, rb"(?<![A-Za-z0-9_]" + beginning + rb")", rb"\b") for beginning, kind, rest in BOUNDED_TOKENS),
    ]
    # Beginnings are literal, which Python's `re` searches for at a gigabyte a second. A search of RE2 for the whole would have to find its start from
    # its end, by an automaton whose states are as many as the ways in which letters and digits can follow each other: a millisecond a secret.
    tokens = [
        Token(kind, beginning, re.compile(JWT if kind == "jwt" else re.escape(beginning) + before + rest + after))
        for kind, beginning, rest, before, after in forms
    ]
    tokens.append(Token(PRIVATE_KEY, PEM_BEGINNING, re.compile(PEM_BEGINNING + PEM)))
    which_tokens = re2.Set.SearchSet(options())
    for _, beginning, rest, _, _ in (*forms, ("", PEM_BEGINNING, PEM_TOLD, b"", b"")):
        which_tokens.Add(re2.escape(beginning) + rest)
    which_tokens.Compile()
    return Rules(
        which_tokens=which_tokens,
        tokens=tuple(tokens),
        # Without groups: RE2 needs an automaton only to find a match, but a slower way through it for what is inside.
        next_context=_next(compiled(_contexts(b"%b"))),
        # Python's \s has one character more.
        context=re.compile(_contexts(b"(%b)").replace(rb"\s", rb"\t\n\f\r ")),
        cut_off=compiled(CUT_OFF),
    )


def _next(pattern: Any) -> Next:
    """What `finditer` calls for each match, without what Python does around it, which is as much again."""
    return partial(pattern._regexp.Match, type(pattern._regexp).Anchor.UNANCHORED)


def _contexts(form: bytes) -> bytes:
    """All contexts as one pattern, the values in this form."""
    parts = [before + form % value + behind for _, before, value, behind in CONTEXTS]
    named = [before + form % value + behind for _, before, value, behind in NAMED_CONTEXTS]
    return b"|".join((*parts, b"(?i:%b)(?:%b)" % (SECRET_NAME, b"|".join(named))))


def options() -> Any:
    options = re2.Options()
    # Bytes, since the wrapper would count characters for every match; no pattern ends inside a character.
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = MAX_MEMORY_BYTES
    return options


def compiled(pattern: bytes) -> Any:
    return re2.compile(pattern, options=options())
