"""Secrets in texts become `[redacted:kind:hash]` before anything is stored: the same secret is the same word, so it can be counted and searched for.

`kind` says what it is where its form tells ("github_token"), and "credential" where only what stands beside it does; `hash` is the
beginning of its SHA-256. Redacting again changes nothing. It takes linear time, whatever the text (secret_rules.py).
"""

import re
from hashlib import sha256
from typing import Any

from shared.secret_rules import SHAPES, Rules, Token, rules
from shared.secret_shapes import is_secret

CREDENTIAL = "credential"
# Two are enough for all that was ever seen; each finds at least one more secret.
_MAX_PASSES = 8
_WORD = b"[redacted:"
_WORDS = re.compile(rb"\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\]")
_CUT = "…".encode()
_NOT_OF_JWT = re.compile(rb"[^A-Za-z0-9_-]")


def redact_text(text: str, counts: dict[str, int] | None = None) -> str:
    """The text without its secrets; the very same if there are none. `counts` grows by what was found, by kind."""
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_bytes(data, {} if counts is None else counts)
    return text if redacted is data else redacted.decode("utf-8", "surrogatepass")


def redact_bytes(data: bytes, counts: dict[str, int]) -> bytes:
    """The same of text in UTF-8; the very same object if there is nothing to redact."""
    known = rules()
    # What stands across the edge of a secret is seen only when that is gone.
    for _ in range(_MAX_PASSES):
        redacted = _pass(data, counts, known)
        if redacted is data:
            break
        data = redacted
    return data


def _pass(data: bytes, counts: dict[str, int], known: Rules) -> bytes:
    # First what is known by itself: then the same secret is the same word, whatever stands beside it.
    text = _without_words(data)
    if found := known.which_tokens.Match(text):
        data = _replace_tokens(data, text, counts, [known.tokens[index] for index in found])
        text = _without_words(data)
    if data.endswith(_CUT) and (cut := known.cut_off.search(text)):
        data = _replace_cut_off(data, cut, counts, known)
        text = _without_words(data)
    return _replace_contexts(data, text, counts, known)


def word_of(kind: str, secret: bytes) -> bytes:
    """What stands in the place of a secret."""
    return b"[redacted:%b:%b]" % (kind.encode(), sha256(secret).hexdigest()[:8].encode())


def has_word(text: str) -> bool:
    """Whether something in a text was redacted."""
    return "[redacted:" in text


def _without_words(data: bytes) -> bytes:
    """As long, with NULs where something was redacted before: that ends a text, so that doing it again finds nothing else."""
    return _WORDS.sub(_nuls, data) if _WORD in data else data


def _nuls(word: re.Match[bytes]) -> bytes:
    return bytes(len(word[0]))


def _replace_tokens(data: bytes, text: bytes, counts: dict[str, int], tokens: list[Token]) -> bytes:
    # Place and kind in one number, since those are sorted four times as fast as pairs.
    kinds = len(tokens)
    places = sorted(place.start() * kinds + number for number, token in enumerate(tokens) for place in token.places.finditer(text))
    words: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    end = no_jwt_before = 0
    for place in places:
        start = place // kinds
        token = tokens[place % kinds]
        # Inside of a secret there may be the beginning of another.
        if start < end or (start < no_jwt_before and token.kind == "jwt"):
            continue
        match = token.whole.match(text, start)
        if match is None:
            # Alone of all kinds this one goes on over its own beginnings; read again for each of them, a long run would take for ever.
            if token.kind == "jwt":
                no_jwt_before = _end_of_run(text, start)
            continue
        pieces.append(data[end:start])
        end = match.end()
        secret = data[start:end]
        pieces.append(words.get(secret) or words.setdefault(secret, word_of(token.kind, secret)))
        counts[token.kind] = counts.get(token.kind, 0) + 1
    return b"".join((*pieces, data[end:])) if pieces else data


def _end_of_run(text: bytes, start: int) -> int:
    end = _NOT_OF_JWT.search(text, start)
    return end.start() if end else len(text)


def _replace_cut_off(data: bytes, cut: Any, counts: dict[str, int], known: Rules) -> bytes:
    """A text that was shortened may end with the beginning of a secret."""
    group = cut.lastindex
    start, stop = cut.span(group)
    secret = data[start:stop]
    kind = CREDENTIAL if group == 2 else _kind_of(secret, known)
    counts[kind] = counts.get(kind, 0) + 1
    return data[:start] + word_of(kind, secret) + data[stop:]


def _replace_contexts(data: bytes, text: bytes, counts: dict[str, int], known: Rules) -> bytes:
    # What is found again is not judged again.
    judged: dict[bytes, bytes | None] = {}
    pieces: list[bytes] = []
    end = count = 0
    for match in known.contexts.finditer(text):
        start, stop = match.span()
        found = text[start : stop + 1]
        if found in judged:
            replaced = judged[found]
        else:
            replaced = judged[found] = _replaced(found, stop - start, known)
        if replaced is not None:
            pieces += (data[end:start], replaced)
            end = stop
            count += 1
    if count == 0:
        return data
    counts[CREDENTIAL] = counts.get(CREDENTIAL, 0) + count
    return b"".join((*pieces, data[end:]))


def _replaced(found: bytes, length: int, known: Rules) -> bytes | None:
    """What is found by a context, with a word for its secret; None if it is none. Behind its length there is one byte more."""
    match = known.context.match(found, 0, length)
    assert match is not None, "both engines read the same patterns"
    number = match.lastindex
    assert number is not None
    start, stop = match.span(number)
    secret = found[start:stop]
    if not is_secret(SHAPES[number - 1], found[:start], secret, found[stop : stop + 1].strip(b"\0")):
        return None
    return found[:start] + word_of(CREDENTIAL, secret) + found[stop:length]


def _kind_of(secret: bytes, known: Rules) -> str:
    return next(token.kind for token in known.tokens if secret.startswith(token.beginning))
