"""Texts that somebody gave to be replaced, beside the rules: those of a scrub while it runs, and those that are kept out for good.

Every function of redaction asks here, so given texts are replaced in all input and in every store. Without given texts that costs nothing.

A text is found byte by byte, as UTF-8, in each of its forms (`forms_of`). Its place is taken by `[redacted:text:hash]`. The hash is keyed by a salt,
so nobody without it can guess a short text from it.
"""

import base64
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from hmac import digest
from typing import Any, Final, Protocol
from urllib.parse import quote, quote_plus

import re2

from shared.redaction.secret_finder import Place

KIND: Final = "text"
CUT: Final = "…".encode()
# The rest of a text at the edge of a cut is replaced from so many bytes on. Less says nothing of it.
LEAST_CUT_BYTES: Final = 4
# A run of characters that JSON need not escape decides, from this length on, whether JSON is looked at closely.
_LEAST_PLAIN_BYTES: Final = 3
PLAIN_RUN: Final = re.compile(rb"""[ !#-.0-\[\]-~\x80-\xff]+""")
# It may be written as an escape all the same: ASCII hardly ever, other characters by some.
_ESCAPED_ASCII: Final = rb"\\u00[2-7]"
_ESCAPED: Final = rb"\\u(?:00[2-9a-fA-F]|0[1-9a-fA-F]|[1-9a-fA-F])"
# At the edge of a cut there may be a part of a text.
_CUT_IN_JSON: Final = CUT + rb"|\\u2026"
_NOT_PLAIN: Final = rb"[\\\x80-\xff]"
# encodeURI and encodeURIComponent of JavaScript, and Python's.
_SAFE_IN_URLS: Final = ("", "/", "!'()*", "!'()*;,/?:@&=+$#")
_MAX_MEMORY_BYTES: Final = 64 * 1024**2


class Texts(Protocol):
    """Texts that can be found. `places_in` gives them in order, without overlaps; of a text that is cut at an edge, what is left of one, too."""

    def may_be_in(self, json_text: bytes) -> bool:
        """False only if no string of this JSON has one of the texts."""

    def places_in(self, text: bytes, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> list[Place]:
        """Where they are in a text."""


_given: tuple[Texts, ...] = ()
_is_alone = False


def are_given() -> bool:
    """Whether any text is given at all."""
    return bool(_given)


def are_alone() -> bool:
    """Whether given texts are all that is to be replaced, and the rules do not count."""
    return _is_alone


def may_be_in(json_text: bytes) -> bool:
    """False only if no string of this JSON has a given text."""
    return any(texts.may_be_in(json_text) for texts in _given)


def places_in(text: bytes, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> list[Place]:
    """Where the given texts are, in order and without overlaps."""
    found = [place for texts in _given for place in texts.places_in(text, is_cut_before=is_cut_before, is_cut_behind=is_cut_behind)]
    return found if len(_given) == 1 else merged(sorted(found))


def keep_out(texts: Texts | None) -> None:
    """From now on this process replaces these texts at its doors; None: no texts."""
    global _given  # noqa: PLW0603  # what is kept out holds for the process, whoever asks
    _given = () if texts is None else (texts,)


@contextmanager
def only(texts: Texts) -> Iterator[None]:
    """Inside, these texts are replaced and nothing else."""
    global _given, _is_alone  # the same
    before = _given, _is_alone
    _given, _is_alone = (texts,), True
    try:
        yield
    finally:
        _given, _is_alone = before


class PlainTexts:
    """Texts that are known, with all their forms."""

    def __init__(self, texts: Sequence[str], salt: bytes) -> None:
        self._words: dict[bytes, bytes] = {}
        for text in texts:
            word = word_of(text, salt)
            for form in forms_of(text):
                self._words.setdefault(form, word)

    @cached_property
    def _search(self) -> Any:
        # The longest that begins at a place: a form may be the beginning of another.
        forms = sorted(self._words, key=len, reverse=True)
        return re2.compile(b"|".join(map(re2.escape, forms)), options=_options())

    @cached_property
    def _hints(self) -> Any:
        hints = {_hint_of(form) for form in self._words}
        return re2.compile(b"|".join((*sorted(hints), escape_of(self._words), _CUT_IN_JSON)), options=_options())

    def may_be_in(self, json_text: bytes) -> bool:
        """False only if no string of this JSON has one of the texts."""
        return self._hints.search(json_text) is not None

    def places_in(self, text: bytes, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> list[Place]:
        """Where they are. A place that begins inside another is one place with it."""
        found: list[Place] = []
        match = self._search.search(text)
        while match is not None:
            start, stop = match.span()
            found.append(Place(start, stop, KIND, self._words[text[start:stop]]))
            match = self._search.search(text, start + 1)
        if is_cut_before or is_cut_behind:
            found = sorted((*found, *self._at_cuts(text, is_cut_before, is_cut_behind)))
        return merged(found)

    def _at_cuts(self, text: bytes, is_before: bool, is_behind: bool) -> Iterator[Place]:
        """The rest of a form that a cut has divided: the most that it can be."""
        end = len(text.removesuffix(CUT)) if is_behind else 0
        start = (len(CUT) if text.startswith(CUT) else 0) if is_before else 0
        for form, word in self._words.items():
            lengths = range(len(form) - 1, LEAST_CUT_BYTES - 1, -1)
            if is_behind and (length := next((n for n in lengths if n <= end and text.endswith(form[:n], 0, end)), 0)):
                yield Place(end - length, end, KIND, word)
            if is_before and (length := next((n for n in lengths if text.startswith(form[-n:], start)), 0)):
                yield Place(start, start + length, KIND, word)


def forms_of(text: str) -> set[bytes]:
    """How a text may be written inside a string: composed and decomposed, in JSON and in JSON within it, in HTML, in a URL, in base64, in a folder's name."""
    forms: set[bytes] = set()
    for each in {text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)}:
        written = {each, html.escape(each), html.escape(each, quote=False)}
        escaped = {form for is_ascii in (False, True) for form in in_json(each, is_ascii)}
        written |= escaped | {form for once in escaped for form in in_json(once, is_ascii=True)}
        for encoded in (
            *(quote(each, safe=safe, errors="surrogatepass") for safe in _SAFE_IN_URLS),
            quote_plus(each, errors="surrogatepass"),
        ):
            written |= {encoded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded)}
        if "/" in each:
            # Claude Code names the folder of a project by its path.
            written.add(re.sub("[^A-Za-z0-9]", "-", each))
        forms |= {form.encode("utf-8", "surrogatepass") for form in written}
        forms |= set(_in_base64(each.encode("utf-8", "surrogatepass")))
    return forms


def word_of(text: str, salt: bytes) -> bytes:
    """The replacement of a text, whatever its form."""
    found = digest(salt, b"word " + text.encode("utf-8", "surrogatepass"), sha256).hex()
    return b"[redacted:%b:%b]" % (KIND.encode(), found[:8].encode())


def escape_of(forms: Iterable[bytes]) -> bytes:
    """The pattern of an escape by which JSON may hide one of these forms."""
    return _ESCAPED_ASCII if all(map(bytes.isascii, forms)) else _ESCAPED


def in_json(text: str, is_ascii: bool) -> Iterator[str]:
    """A text as a string of JSON has it inside, in the two ways of writing a slash."""
    literal = json.dumps(text, ensure_ascii=is_ascii)[1:-1]
    yield literal
    yield literal.replace("/", "\\/")


def _in_base64(data: bytes) -> Iterator[bytes]:
    """The letters that do not depend on what is around a text, at each of the three places where it may begin."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            start = -(-before * 8 // 6)
            yield encode(bytes(before) + data)[start : (before + len(data)) * 8 // 6]


def _hint_of(form: bytes) -> bytes:
    """The part of JSON that holds this form, however it is escaped."""
    longest = max(PLAIN_RUN.findall(form), key=len, default=b"")
    return re2.escape(longest) if len(longest) >= _LEAST_PLAIN_BYTES else _NOT_PLAIN


def merged(places: Sequence[Place]) -> list[Place]:
    """Those that overlap are one, with the word of the first."""
    merged: list[Place] = []
    for place in places:
        if merged and place.start < merged[-1].stop:
            merged[-1] = merged[-1]._replace(stop=max(place.stop, merged[-1].stop))
        else:
            merged.append(place)
    return merged


def _options() -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.max_mem = _MAX_MEMORY_BYTES
    return options
