"""Finds the secrets of a text; each step reads the text once. Gives the places to replace, in order, without overlaps.

Each place that is examined uses some of an allowance. When it is used up, secrets are not separated any more: the rest of the text is one
secret, of the kind "too_many". So a text full of secrets takes no longer than one with some thousands of them.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from shared.redaction.compiled_patterns import CREDENTIAL, SHAPES, Rules, Token
from shared.redaction.false_positives import is_secret, trimmed
from shared.redaction.secret_line_breaks import lines_behind

TOO_MANY = "too_many"
# Beginnings of tokens are searched for in chunks of this size; a token may end this much later.
CHUNK_BYTES = 32 * 1024
_LONGEST_BEGINNING = 1024
_LONGEST_BYTES = 16 * 1024
# In units of about a microsecond: the cost of a repeated place, the extra cost of judging a new one, the cost of a known form.
FOUND_COST = 1
JUDGED_COST = 4
TOKEN_COST = 2


# A token that ends with this many equal letters is an example: sk-xxxxxxxxxxxx. It is not redacted, but costs as much.
_SAME = 12
_EXAMPLE = ""


class Place(NamedTuple):
    """The start and end of a secret, and its kind. `word` replaces it; empty: the word that its kind and its hash make."""

    start: int
    stop: int
    kind: str
    word: bytes = b""


_UNSEEN = (-1, -1)

# Whether a text around a value is judged as one, by itself and the byte behind it: where in it the secret is, or None.
Judged = dict[bytes, tuple[int, int] | None]


def tokens_in(text: bytes, known: Rules, allowed: int) -> tuple[list[Place], int]:
    """The secrets with a known form, and the allowance that is left."""
    left = allowed // TOKEN_COST
    places: list[Place] = []
    end = 0
    for chunk in range(0, len(text), CHUNK_BYTES):
        spans = _in_chunk(text, chunk, known, left)
        beginnings = {span.start for span in spans}
        for span in spans:
            # Inside of a secret there may be the beginning of another.
            if span.start < end:
                continue
            if left == 0:
                places.append(Place(span.start, len(text), TOO_MANY))
                return places, 0
            left -= 1
            if span.kind != _EXAMPLE:
                places.append(span)
                for rest in lines_behind(text, span.stop):
                    # Another token is no rest of this one, and the next chunk's are not known yet.
                    if left == 0 or rest[0] in beginnings or rest[0] >= chunk + CHUNK_BYTES:
                        break
                    left -= 1
                    places.append(Place(*rest, span.kind))
                end = places[-1].stop
    return places, allowed - (allowed // TOKEN_COST - left) * TOKEN_COST


def _in_chunk(text: bytes, chunk: int, known: Rules, most: int) -> list[Place]:
    """The places that begin in a chunk, in order; if two begin together, the longer comes first."""
    # Each kind is looked for only where it is: all of them in a megabyte would take a tenth of a second.
    is_all = len(text) <= CHUNK_BYTES
    found = known.which_tokens.Match(text if is_all else text[chunk : chunk + CHUNK_BYTES + _LONGEST_BEGINNING])
    spans = [span for index in found or () for span in islice(_spans_of(known.tokens[index], text, chunk), most + 1)]
    spans.sort(key=lambda span: (span.start, -span.stop))
    return spans


def _spans_of(token: Token, text: bytes, chunk: int) -> Iterator[Place]:
    """Those that begin in a chunk."""
    end = chunk + CHUNK_BYTES
    for match in token.pattern.finditer(text, chunk, end + _LONGEST_BYTES):
        if match.start() >= end:
            break
        if match.end() == end + _LONGEST_BYTES:
            match = token.pattern.match(text, match.start()) or match
        for start, stop in token.spans(match):
            is_example = text[stop - _SAME : stop].count(text[stop - 1]) == _SAME
            yield Place(start, stop, _EXAMPLE if is_example else token.kind)


def contexts_in(text: bytes, known: Rules, judged: Judged, allowed: int) -> list[Place]:
    """The secrets that the text around them reveals. A repeated text is not judged again: `judged` remembers it."""
    places: list[Place] = []
    search, length = known.next_context, len(text)
    ((start, stop),) = search(text, 0, length)
    while start >= 0:
        if allowed <= 0:
            places.append(Place(start, length, TOO_MANY))
            break
        allowed -= FOUND_COST
        # One byte more than the match: it helps to judge.
        found = text[start : stop + 1]
        secret = judged.get(found, _UNSEEN)
        if secret is _UNSEEN:
            allowed -= JUDGED_COST
            secret = judged[found] = _judge(found, stop - start, known)
        if secret is not None:
            places.append(Place(start + secret[0], start + secret[1], CREDENTIAL))
            for rest in lines_behind(text, start + secret[1]):
                allowed -= JUDGED_COST
                places.append(Place(*rest, CREDENTIAL))
                stop = rest[1]
        ((start, stop),) = search(text, stop, length)
    return places


def _judge(found: bytes, length: int, known: Rules) -> tuple[int, int] | None:
    """The place of the secret in a match of a context; None if the match is not a secret. One byte more follows its length."""
    match = known.context.match(found, 0, length)
    assert match is not None, "both engines read the same patterns"
    number = match.lastindex
    assert number is not None
    start, stop = match.span(number)
    value = trimmed(SHAPES[number - 1], found[start:stop])
    if is_secret(SHAPES[number - 1], found[:start], value, found[stop : stop + 1].strip(b"\0")):
        return start, start + len(value)
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
