"""Secrets in texts become `[redacted:kind:hash]` before anything is stored: the same secret is the same word, so it can be counted and searched for.

`kind` says what it is where its form tells ("github_token"), and "credential" where only what stands beside it does; `hash` is the
beginning of its SHA-256. Redacting again changes nothing. RE2 reads every text, in linear time; Python's `re` only goes on from where something
begins, over as much as its own match or a fixed length, so that is linear too.
"""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import re2

from shared.secret_patterns import BOUNDED_TOKENS, CONTEXTS, CUT_OFF, PEM, PEM_BEGINNING, PEM_TITLE, TOKENS
from shared.secret_shapes import is_secret

CREDENTIAL = "credential"
PRIVATE_KEY = "private_key"
# The automata are built while they are used; with less, a text of many beginnings would empty their cache again and again.
MAX_MEMORY_BYTES = 16 * 1024**2
_WORD = b"[redacted:"
_WORDS = re.compile(rb"\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\]")
_CUT = "…".encode()
_NOT_OF_JWT = re.compile(rb"[^A-Za-z0-9_-]")
_FIRST_CHARACTERS = re.compile(rb"(\[[^\]]+\])\{(\d+)")


class _Token(NamedTuple):
    """A kind: what finds where one may begin, what matches it from its beginning on."""

    kind: str
    beginning: bytes
    places: re.Pattern[bytes]
    whole: Any


class _Rules(NamedTuple):
    """`which_tokens` tells the indexes of the `tokens` that a text has."""

    which_tokens: Any
    tokens: tuple[_Token, ...]
    contexts: Any
    context: re.Pattern[bytes]
    cut_off: Any


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    """Compiled at the first use: a process without texts need not spend the time."""
    forms = [
        *((kind, beginning, rest, b"", b"") for beginning, kind, rest in TOKENS),
        *((kind, beginning, rest, rb"(?<![A-Za-z0-9_]" + beginning + rb")", rb"\b") for beginning, kind, rest in BOUNDED_TOKENS),
    ]
    # Beginnings are searched for, and each is matched from there on. A search of RE2 for the whole would have to find its start from its end, by an
    # automaton whose states are as many as the ways in which letters and digits can follow each other: a millisecond a secret.
    tokens = [
        _Token(kind, beginning, _places(beginning, before + _at_least(rest)), re.compile(re.escape(beginning) + rest + after))
        for kind, beginning, rest, before, after in forms
    ]
    tokens.append(_Token(PRIVATE_KEY, PEM_BEGINNING, _places(PEM_BEGINNING, b"(?=" + PEM_TITLE + b")"), _compile(PEM_BEGINNING + PEM)))
    which_tokens = re2.Set.SearchSet(_options())
    for _, beginning, rest, _, _ in (*forms, ("", PEM_BEGINNING, PEM, b"", b"")):
        which_tokens.Add(re2.escape(beginning) + rest)
    which_tokens.Compile()
    return _Rules(
        which_tokens=which_tokens,
        tokens=tuple(tokens),
        # Without groups: RE2 needs an automaton only to find a match, but a slower way through it for what is inside.
        contexts=_compile(b"|".join(context.before + context.value + context.behind for context in CONTEXTS)),
        # Python's \s has one character more.
        context=re.compile(b"|".join(b"%b(%b)%b" % tuple(parts) for _, *parts in CONTEXTS).replace(rb"\s", rb"\t\n\f\r ")),
        cut_off=_compile(CUT_OFF),
    )


def _places(beginning: bytes, condition: bytes) -> re.Pattern[bytes]:
    """Beginnings are literal, which Python's `re` searches for at a gigabyte a second. It looks ahead by a fixed length."""
    return re.compile(re.escape(beginning) + condition)


def _at_least(rest: bytes) -> bytes:
    """The fewest characters that a pattern begins with, looked ahead for."""
    first = _FIRST_CHARACTERS.match(rest)
    return b"(?=" + first[1] + b"{" + first[2] + b"})" if first else b""


def _options() -> Any:
    options = re2.Options()
    # Bytes, since the wrapper would count characters for every match; no pattern ends inside a character.
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = MAX_MEMORY_BYTES
    return options


def _compile(pattern: bytes) -> Any:
    return re2.compile(pattern, options=_options())


def redact_text(text: str, counts: dict[str, int] | None = None) -> str:
    """The text without its secrets; the very same if there are none. `counts` grows by what was found, by kind."""
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_bytes(data, {} if counts is None else counts)
    return text if redacted is data else redacted.decode("utf-8", "surrogatepass")


def redact_bytes(data: bytes, counts: dict[str, int]) -> bytes:
    """The same of text in UTF-8; the very same object if there is nothing to redact."""
    rules = _rules()
    # First what is known by itself: then the same secret is the same word, whatever stands beside it.
    if found := rules.which_tokens.Match(_without_words(data)):
        data = _replace_tokens(data, counts, [rules.tokens[index] for index in found])
    if data.endswith(_CUT):
        data = _replace_cut_off(data, counts, rules)
    return _replace_contexts(data, counts, rules)


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


def _replace_tokens(data: bytes, counts: dict[str, int], tokens: list[_Token]) -> bytes:
    text = _without_words(data)
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


def _replace_cut_off(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    """A text that was shortened may end with the beginning of a secret."""
    match = rules.cut_off.search(_without_words(data))
    if match is None:
        return data
    group = match.lastindex
    start, stop = match.span(group)
    secret = data[start:stop]
    kind = CREDENTIAL if group == 2 else _kind_of(secret, rules)
    counts[kind] = counts.get(kind, 0) + 1
    return data[:start] + word_of(kind, secret) + data[stop:]


def _replace_contexts(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    text = _without_words(data)
    # What is found again is not judged again.
    judged: dict[bytes, bytes | None] = {}
    pieces: list[bytes] = []
    end = count = 0
    for match in rules.contexts.finditer(text):
        start, stop = match.span()
        found = text[start : stop + 1]
        if found in judged:
            replaced = judged[found]
        else:
            replaced = judged[found] = _replaced(found, stop - start, rules)
        if replaced is not None:
            pieces += (data[end:start], replaced)
            end = stop
            count += 1
    if count == 0:
        return data
    counts[CREDENTIAL] = counts.get(CREDENTIAL, 0) + count
    return b"".join((*pieces, data[end:]))


def _replaced(found: bytes, length: int, rules: _Rules) -> bytes | None:
    """What is found by a context, with a word for its secret; None if it is none. Behind its length there is one byte more."""
    match = rules.context.match(found, 0, length)
    assert match is not None, "both engines read the same patterns"
    number = match.lastindex
    assert number is not None
    start, stop = match.span(number)
    secret = found[start:stop]
    if not is_secret(CONTEXTS[number - 1].shape, found[:start], secret, found[stop : stop + 1].strip(b"\0")):
        return None
    return found[:start] + word_of(CREDENTIAL, secret) + found[stop:length]


def _kind_of(secret: bytes, rules: _Rules) -> str:
    return next(token.kind for token in rules.tokens if secret.startswith(token.beginning))
