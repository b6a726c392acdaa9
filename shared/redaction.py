"""Secrets in texts become `[redacted:kind:hash]` before anything is stored: the same secret is the same word, so it can be counted and searched for.

`kind` says what it is where its form tells ("github_token"), and "credential" where only what stands beside it does; `hash` is the
beginning of its SHA-256. Redacting again changes nothing. RE2 makes it linear in the length of the text.
"""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import re2

from shared.secret_patterns import BOUNDED_TOKENS, CONTEXTS, CUT_OFF, PEM, TOKENS
from shared.secret_shapes import is_secret

CREDENTIAL = "credential"
PRIVATE_KEY = "private_key"
# The automata are built while they are used; with less, a text of many beginnings would empty their cache again and again.
MAX_MEMORY_BYTES = 16 * 1024**2
_WORD = b"[redacted:"
_CUT = "…".encode()


class _Rules(NamedTuple):
    tokens: Any
    contexts: Any
    cut_off: Any
    word: Any


@lru_cache(maxsize=1)
def _rules() -> _Rules:
    """Compiled at the first use: 20 ms that a process without texts need not spend."""
    tokens = [re2.escape(beginning) + rest for beginning, _, rest in TOKENS]
    tokens += [rb"\b" + re2.escape(beginning) + rest + rb"\b" for beginning, _, rest in BOUNDED_TOKENS]
    return _Rules(
        tokens=_compile(b"|".join([*tokens, PEM])),
        contexts=_compile(b"|".join(pattern for _, pattern in CONTEXTS)),
        cut_off=_compile(CUT_OFF),
        word=_compile(rb"(\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\])"),
    )


def _compile(pattern: bytes) -> Any:
    options = re2.Options()
    # Bytes, since the wrapper would count characters for every match; no pattern ends inside a character.
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = MAX_MEMORY_BYTES
    return re2.compile(pattern, options=options)


def redact_text(text: str, counts: dict[str, int] | None = None) -> str:
    """The text without its secrets; the very same if there are none. `counts` grows by what was found, by kind."""
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_bytes(data, {} if counts is None else counts)
    return text if redacted is data else redacted.decode("utf-8", "surrogatepass")


def redact_bytes(data: bytes, counts: dict[str, int]) -> bytes:
    """The same of text in UTF-8; the very same object if there is nothing to redact."""
    rules = _rules()
    # First what is known by itself: then the same secret is the same word, whatever stands beside it.
    if rules.tokens.search(data):
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
    for match in rules.tokens.finditer(data):
        start, stop = match.span()
        secret = data[start:stop]
        kind = _kind_of(secret)
        pieces += (data[end:start], word_of(kind, secret))
        counts[kind] = counts.get(kind, 0) + 1
        end = stop
    return b"".join((*pieces, data[end:])) if pieces else data


def _replace_cut_off(data: bytes, counts: dict[str, int], rules: _Rules) -> bytes:
    """A text that was shortened may end with the beginning of a secret."""
    match = rules.cut_off.search(data)
    if match is None:
        return data
    group = match.lastindex
    start, stop = match.span(group)
    secret = data[start:stop]
    kind = CREDENTIAL if group == 2 else _kind_of(secret)
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


@lru_cache(maxsize=1)
def _kinds() -> dict[bytes, tuple[tuple[bytes, str], ...]]:
    """By the first two bytes, what may begin with them."""
    kinds: dict[bytes, list[tuple[bytes, str]]] = {}
    for beginning, kind, _ in (*TOKENS, *BOUNDED_TOKENS):
        kinds.setdefault(beginning[:2], []).append((beginning, kind))
    return {two: tuple(found) for two, found in kinds.items()}


def _kind_of(secret: bytes) -> str:
    return next((kind for beginning, kind in _kinds().get(secret[:2], ()) if secret.startswith(beginning)), PRIVATE_KEY)
