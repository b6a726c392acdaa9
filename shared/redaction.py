"""Secrets in texts become `[redacted:kind:hash]` before anything is stored: the same secret is the same word, so it can be counted and searched for.

`kind` says what it is where its form tells ("github_token"), and "credential" where only what stands beside it does; `hash` is the
beginning of its SHA-256. Redacting again changes nothing. RE2 makes it linear in the length of the text.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import re2

from shared.secret_patterns import BOUNDED_TOKENS, CONTEXTS, CUT_OFF, PEM, PEM_BEGINNING, TOKENS
from shared.secret_shapes import is_secret

CREDENTIAL = "credential"
PRIVATE_KEY = "private_key"
# The automata are built while they are used; with less, a text of many beginnings would empty their cache again and again.
MAX_MEMORY_BYTES = 16 * 1024**2
_WORD = b"[redacted:"
_CUT = "…".encode()


class _Token(NamedTuple):
    """What comes behind a beginning; whether nothing of a word may stand before and behind the whole."""

    kind: str
    rest: Any
    is_bounded: bool


class _Rules(NamedTuple):
    may_have_token: Any
    beginnings: Any
    tokens: dict[bytes, _Token]
    contexts: Any
    cut_off: Any
    run: Any
    word: Any


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    """Compiled at the first use: 20 ms that a process without texts need not spend."""
    # Beginnings are searched for, and each is matched from there on. A search for the whole would have to find its start from its end, by an
    # automaton whose states are as many as the ways in which letters and digits can follow each other: a millisecond a secret.
    tokens = {beginning: _Token(kind, _compile(rest), False) for beginning, kind, rest in TOKENS}
    tokens |= {beginning: _Token(kind, _compile(rest + rb"\b"), True) for beginning, kind, rest in BOUNDED_TOKENS}
    tokens[PEM_BEGINNING] = _Token(PRIVATE_KEY, _compile(PEM), False)
    may_have_token = re2.Set.SearchSet(_options())
    for beginning, _, rest in (*TOKENS, *BOUNDED_TOKENS, (PEM_BEGINNING, "", PEM)):
        may_have_token.Add(re2.escape(beginning) + rest)
    may_have_token.Compile()
    return _Rules(
        may_have_token=may_have_token,
        beginnings=_compile(b"|".join(map(re2.escape, tokens))),
        tokens=tokens,
        contexts=_compile(b"|".join(pattern for _, pattern in CONTEXTS)),
        cut_off=_compile(CUT_OFF),
        run=_compile(rb"[A-Za-z0-9_-]*"),
        word=_compile(rb"(\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\])"),
    )


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
    if rules.may_have_token.Match(data):
        data = _between_words(data, counts, rules, _replace_tokens)
    if data.endswith(_CUT) and rules.cut_off.search(data):
        data = _between_words(data, counts, rules, _replace_cut_off)
    if rules.contexts.search(data):
        data = _between_words(data, counts, rules, _replace_contexts)
    return data


def word_of(kind: str, secret: bytes) -> bytes:
    """What stands in the place of a secret."""
    return f"[redacted:{kind}:{sha256(secret).hexdigest()[:8]}]".encode()


def has_word(text: str) -> bool:
    """Whether something in a text was redacted."""
    return "[redacted:" in text


def _between_words(data: bytes, counts: dict[str, int], rules: _Rules, replace: Callable[[bytes, dict[str, int], _Rules], bytes]) -> bytes:
    """What was redacted before ends a text like a quote does, so that doing it again finds nothing else."""
    if _WORD not in data:
        return replace(data, counts, rules)
    pieces = rules.word.split(data)
    replaced = [piece if number % 2 else replace(piece, counts, rules) for number, piece in enumerate(pieces)]
    return data if replaced == pieces else b"".join(replaced)


def _replace_tokens(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    pieces: list[bytes] = []
    end = 0
    no_jwt_before = 0
    for match in rules.beginnings.finditer(data):
        start, begun = match.span()
        token = rules.tokens[data[start:begun]]
        # Inside of a secret there may be the beginning of another.
        if start < end or (token.is_bounded and _is_in_word(data, start)) or (token.kind == "jwt" and start < no_jwt_before):
            continue
        rest = token.rest.match(data, begun)
        if rest is None:
            # Alone of all kinds this one goes on over its own beginnings; read again for each of them, a long run would take for ever.
            if token.kind == "jwt":
                no_jwt_before = rules.run.match(data, begun).end()
            continue
        stop = rest.end()
        secret = data[start:stop]
        pieces += (data[end:start], word_of(token.kind, secret))
        counts[token.kind] = counts.get(token.kind, 0) + 1
        end = stop
    return b"".join((*pieces, data[end:])) if pieces else data


def _is_in_word(data: bytes, start: int) -> bool:
    before = data[start - 1 : start] if start else b""
    return before.isalnum() or before == b"_"


def _replace_cut_off(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    """A text that was shortened may end with the beginning of a secret."""
    match = rules.cut_off.search(data)
    if match is None:
        return data
    group = match.lastindex
    start, stop = match.span(group)
    secret = data[start:stop]
    kind = CREDENTIAL if group == 2 else _kind_of(secret, rules)
    counts[kind] = counts.get(kind, 0) + 1
    return data[:start] + word_of(kind, secret) + data[stop:]


def _replace_contexts(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    pieces: list[bytes] = []
    end = 0
    for match in rules.contexts.finditer(data):
        number = match.lastindex
        start, stop = match.span(number)
        secret = data[start:stop]
        if is_secret(CONTEXTS[number - 1][0], data[match.start() : start], secret, data[stop : stop + 1]):
            pieces += (data[end:start], word_of(CREDENTIAL, secret))
            counts[CREDENTIAL] = counts.get(CREDENTIAL, 0) + 1
            end = stop
    return b"".join((*pieces, data[end:])) if pieces else data


def _kind_of(secret: bytes, rules: _Rules) -> str:
    return next(token.kind for beginning, token in rules.tokens.items() if secret.startswith(beginning))
