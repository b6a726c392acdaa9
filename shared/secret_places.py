"""Where the secrets of a text are, each step in one go over the text: the places that are to be replaced, in their order, none in another.

Each place that is looked at costs some of an allowance. Where it is used up, nothing is told apart any more: from there on the text is one
secret, of the kind "too_many". So a text that is made of secrets takes no longer than one that has some thousands of them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from shared.secret_rules import SHAPES, Rules, Token
from shared.secret_shapes import is_secret

CREDENTIAL = "credential"
TOO_MANY = "too_many"
# In units of about a microsecond: what a place costs that is found again, what one more that is judged, what one that its form tells.
FOUND_COST = 1
JUDGED_COST = 4
TOKEN_COST = 2


class Place(NamedTuple):
    """From where to where, and what is there."""

    start: int
    stop: int
    kind: str


_UNSEEN = (-1, -1)

# Whether a text around a value is judged as one, by itself and the byte behind it: where in it the secret is, or None.
Judged = dict[bytes, tuple[int, int] | None]


def tokens_in(text: bytes, known: Rules, allowed: int) -> tuple[list[Place], int]:
    """What is known by its form; and what is left of the allowance."""
    found = known.which_tokens.Match(text)
    if not found:
        return [], allowed
    most = allowed // TOKEN_COST
    spans = sorted(span for index in found for span in islice(_spans_of(known.tokens[index], text), most + 1))
    places: list[Place] = []
    end = 0
    for span in spans:
        # Inside of a secret there may be the beginning of another.
        if span.start < end:
            continue
        if len(places) == most:
            places.append(Place(span.start, len(text), TOO_MANY))
            return places, 0
        places.append(span)
        end = span.stop
    return places, allowed - len(places) * TOKEN_COST


def _spans_of(token: Token, text: bytes) -> Iterator[Place]:
    groups = token.pattern.groups
    for match in token.pattern.finditer(text):
        if groups == 0 or match.lastindex:
            start, stop = match.span()
            yield Place(start, stop, token.kind)


def contexts_in(text: bytes, known: Rules, judged: Judged, allowed: int) -> list[Place]:
    """What is known by what stands beside it. What is found again is not judged again: `judged` remembers it."""
    places: list[Place] = []
    search, length = known.next_context, len(text)
    ((start, stop),) = search(text, 0, length)
    while start >= 0:
        if allowed <= 0:
            places.append(Place(start, length, TOO_MANY))
            break
        allowed -= FOUND_COST
        # One byte more than is found: it tells something too.
        found = text[start : stop + 1]
        secret = judged.get(found, _UNSEEN)
        if secret is _UNSEEN:
            allowed -= JUDGED_COST
            secret = judged[found] = _judge(found, stop - start, known)
        if secret is not None:
            places.append(Place(start + secret[0], start + secret[1], CREDENTIAL))
        ((start, stop),) = search(text, stop, length)
    return places


def _judge(found: bytes, length: int, known: Rules) -> tuple[int, int] | None:
    """Where in what is found by a context the secret is; None if it is none. Behind its length there is one byte more."""
    match = known.context.match(found, 0, length)
    assert match is not None, "both engines read the same patterns"
    number = match.lastindex
    assert number is not None
    start, stop = match.span(number)
    if is_secret(SHAPES[number - 1], found[:start], found[start:stop], found[stop : stop + 1].strip(b"\0")):
        return start, stop
    return None


def cut_off_in(text: bytes, known: Rules) -> list[Place]:
    """A text that was shortened may end with the beginning of a secret."""
    cut = known.cut_off.search(text)
    if cut is None:
        return []
    group = cut.lastindex
    start, stop = cut.span(group)
    kind = CREDENTIAL if group == 2 else next(token.kind for token in known.tokens if text.startswith(token.beginning, start))
    return [Place(start, stop, kind)]
