"""The patterns, compiled: RE2 reads every text, in linear time; Python's `re` only goes on from where something begins.

That is over as much as its own match, or over a fixed length, so it is linear too.
"""

import re
import string
from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple

import re2

from shared.redaction import kubernetes_secrets
from shared.redaction.context_patterns import CONTEXTS, NAMED_CONTEXTS, SECRET_NAME, cut_off
from shared.redaction.false_positives import MIN_PIN, is_secret
from shared.redaction.secret_line_breaks import divided_kinds
from shared.redaction.structured_secrets import (
    AWS_MARKS,
    AWS_PAIR,
    COMMAND_LINE,
    COMMANDS,
    DISCORD,
    DISCORD_TOLD,
    ENCODED,
    ENCODED_BEFORE_BYTES,
    ENCODED_MARKS,
    HERE_COMMANDS,
    HERE_STRING,
    JWT,
    PEM_BEGINNING,
    PEM_LINE,
    PEM_PART,
    PEM_TITLE,
    PEM_TOLD,
    PEM_WHOLE,
    SEED,
    SEED_BEGINS,
)
from shared.redaction.token_formats import Kind, edge_before, kinds

CREDENTIAL = "credential"
SEED_PHRASE = "seed_phrase"
PRIVATE_KEY = "private_key"
# How the value of each group of `Rules.context` is judged.
SHAPES = tuple(context.shape for context in (*CONTEXTS, *NAMED_CONTEXTS))
# The automata are built while they are used; with less, a text of many beginnings would empty their cache again and again.
MAX_MEMORY_BYTES = 16 * 1024**2
_MIN_SEED_WORDS = 12
_SEED_WORD = re.compile(rb"[a-z]+")
# The limit for one command.
_MAX_OPTIONS = 4
_BASE64 = f"{string.ascii_letters}{string.digits}+/".encode()
_PEM_LINES = re.compile(PEM_LINE)


# Where in what was found the secrets are.
Spans = Iterator[tuple[int, int]]


class Token(NamedTuple):
    """A kind: the pattern that finds it, and the places of its secrets in a match."""

    kind: str
    beginning: bytes
    pattern: re.Pattern[bytes]
    spans: Callable[[re.Match[bytes]], Spans]


# Arguments: a text, its start and end. Gives the span of the first match, (-1, -1) if there is no match.
Next = Callable[[bytes, int, int], tuple[tuple[int, int]]]


class Rules(NamedTuple):
    """`which_tokens` gives the indexes of the `tokens` that a text has; `next_context` finds the matches that `context` splits."""

    which_tokens: Any
    tokens: tuple[Token, ...]
    next_context: Next
    context: re.Pattern[bytes]
    cut_off: Any


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Compiled at the first use: a process without texts need not spend the time."""
    forms = [*map(_token, kinds()), *_other_tokens()]
    which_tokens = re2.Set.SearchSet(options())
    for told, _ in forms:
        which_tokens.Add(told)
    which_tokens.Compile()
    tokens = [token for _, token in forms]
    return Rules(
        which_tokens=which_tokens,
        tokens=tuple(tokens),
        # Without groups: RE2 needs an automaton only to find a match, but a slower way through it for what is inside.
        next_context=_next(compiled(_contexts(b"%b"))),
        # Python's \s has one character more.
        context=re.compile(_contexts(b"(%b)").replace(rb"\s", rb"\t\n\f\r ")),
        cut_off=compiled(cut_off()),
    )


def _token(kind: Kind) -> tuple[bytes, Token]:
    """The pattern by which RE2 detects that a text may have one, and the token."""
    # Beginnings are literal, which Python's `re` searches for at a gigabyte a second. A search of RE2 for the whole would have to find its start from
    # its end. Its automaton has a state for each way in which letters and digits can follow each other: a millisecond a secret.
    mark = re.escape(kind.begins)
    if kind.kind == "jwt":
        return mark + kind.then, Token(kind.kind, kind.begins, re.compile(JWT), _whole_if_group)
    before = b"|".join(rb"(?<=(%b)%b)" % (behind, mark) for behind in kind.behind)
    pattern = mark + (rb"(?:%b)" % before if before else edge_before(kind))
    after = rb"(?![A-Za-z0-9_])" if kind.is_alone else b""
    spans = _from_group if before else _group if re.compile(kind.then).groups else _whole
    return mark + kind.then, Token(kind.kind, kind.begins, re.compile(pattern + kind.then + after), spans)


def _other_tokens() -> Iterator[tuple[bytes, Token]]:
    """The secrets that a form and a rule of Python give together."""
    yield (
        re2.escape(PEM_BEGINNING) + PEM_TOLD,
        Token(PRIVATE_KEY, PEM_BEGINNING, re.compile(PEM_BEGINNING + PEM_TITLE + b"(?:(" + PEM_WHOLE + b")|" + PEM_PART + b")"), _key),
    )
    for mark in AWS_MARKS:
        yield mark + b"[A-Z0-9]{16}", Token(CREDENTIAL, mark, re.compile(mark + AWS_PAIR), _group)
    yield DISCORD_TOLD, Token("discord_token", b".", re.compile(DISCORD), _if_random)
    for mark in ENCODED_MARKS:
        yield mark, Token(CREDENTIAL, mark, re.compile(mark + ENCODED), _if_encoded)
    kubernetes = Token(CREDENTIAL, kubernetes_secrets.MARK, re.compile(kubernetes_secrets.KIND), kubernetes_secrets.values_of)
    yield kubernetes_secrets.TOLD, kubernetes
    for kind, told, parts, spans in divided_kinds():
        yield told, Token(kind.kind, kind.begins, parts, spans)
    for name, option in (*COMMANDS, *((name, HERE_STRING) for name in HERE_COMMANDS)):
        yield re2.escape(name), Token(CREDENTIAL, name, re.compile(re.escape(name) + COMMAND_LINE), _options_of(re.compile(option)))
    for beginning in SEED_BEGINS:
        yield re2.escape(beginning), Token(SEED_PHRASE, beginning, re.compile(re.escape(beginning) + SEED), _if_seed)


def _whole(match: re.Match[bytes]) -> Spans:
    yield match.span()


def _group(match: re.Match[bytes]) -> Spans:
    yield match.span(1)


def _if_random(match: re.Match[bytes]) -> Spans:
    """A token from its first part to its last, which both are random: they have capitals, small letters and digits. Names of code have not."""
    assert match.lastindex is not None
    first = next(part for part in match.groups() if part is not None)
    if all(any(map(kind, map(chr, part))) for part in (first, match[match.lastindex]) for kind in (str.isupper, str.islower, str.isdigit)):
        yield match.start() - len(first), match.end()


def _whole_if_group(match: re.Match[bytes]) -> Spans:
    if match.lastindex:
        yield match.span()


def _from_group(match: re.Match[bytes]) -> Spans:
    """The match with the text before its mark."""
    assert match.lastindex is not None
    yield match.start(match.lastindex), match.end()


def _key(match: re.Match[bytes]) -> Spans:
    """A private key. Code may speak of both ends of one, too: then there is little between them that it is made of."""
    if match[1] is not None and sum(map(len, _PEM_LINES.findall(match[1]))) * 10 < len(match[1]) * 4:
        part = _pem_part().match(match.string, match.start())
        if part is None:
            return
        match = part
    yield match.span()


@lru_cache(maxsize=1)
def _pem_part() -> re.Pattern[bytes]:
    return re.compile(PEM_BEGINNING + PEM_TITLE + PEM_PART)


def _if_encoded(match: re.Match[bytes]) -> Spans:
    """A run of base64 that is a variable's name and its value, or several."""
    start, stop = match.span()
    before = match.string[max(0, start - ENCODED_BEFORE_BYTES) : start]
    start -= len(before) - len(before.rstrip(_BASE64))
    lines = b64decode(match.string[start : stop - (stop - start) % 4])
    if any(is_secret("bare", found[1], found[2], b"\n") for found in islice(_encoded_line().finditer(lines), _MAX_OPTIONS)):
        yield start, stop


@lru_cache(maxsize=1)
def _encoded_line() -> Any:
    return compiled(rb"(?i:(" + SECRET_NAME + rb"=))[\"']?([^\s\"']{4,})")


def _options_of(option: re.Pattern[bytes]) -> Callable[[re.Match[bytes]], Spans]:
    def spans(match: re.Match[bytes]) -> Spans:
        for found in islice(option.finditer(match.string, *match.span()), _MAX_OPTIONS):
            is_port = found[1].isdigit() and len(found[1]) < MIN_PIN
            if not is_port and is_secret("said", b"password", found[1], b""):
                yield found.span(1)

    return spans


def _if_seed(match: re.Match[bytes]) -> Spans:
    """Twelve words or more that are all on the word list of wallets."""
    count, end = 0, 0
    for word in _SEED_WORD.finditer(match[1]):
        if word[0] not in _seed_words():
            break
        count, end = count + 1, word.end()
    if count >= _MIN_SEED_WORDS:
        yield match.start(1), match.start(1) + end


@lru_cache(maxsize=1)
def _seed_words() -> frozenset[bytes]:
    # Few texts need it.
    from mnemonic import Mnemonic  # noqa: PLC0415

    return frozenset(word.encode() for word in Mnemonic("english").wordlist)


def _next(pattern: Any) -> Next:
    """The search that `finditer` calls for each match, without Python's overhead around it, which costs as much again."""
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
