"""Secrets in texts become `[redacted:kind:hash]` before anything is stored: the same secret is the same word, so it can be counted and searched for.

`kind` names the secret if its form is known ("github_token"). It is "credential" if only the text around it reveals it. `hash` is the
beginning of its SHA-256. Redacting again changes nothing. It takes linear time for any text (compiled_patterns.py), and bounded time for
all that it finds (secret_finder.py).
"""

import re
from hashlib import sha256

from shared.redaction import given_texts
from shared.redaction.compiled_patterns import Rules, rules
from shared.redaction.secret_columns import columns_in
from shared.redaction.secret_finder import Judged, Place, contexts_in, cut_off_in, tokens_in

# Two are enough for all that was ever seen; each finds at least one more secret.
_MAX_PASSES = 8
# Limits the cost of one text in one pass, in units of secret_finder: some thousands of different secrets, or 16,000 times the same word.
# It does not depend on the text, so that a second redaction cuts off nothing more.
_ALLOWED = 16_000
# Letters alone are no secret unless they are more; most strings of JSON are keys.
_SHORTEST_WORD = 16
_WORD = b"[redacted:"
_WORDS = re.compile(rb"(\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\])")
_CUT = "…".encode()


def redact_text(text: str, counts: dict[str, int] | None = None) -> str:
    """The text without its secrets; the same object if it has no secrets. `counts` grows by what was found, by kind."""
    if len(text) < _SHORTEST_WORD and text.isalpha() and not given_texts.are_given():
        return text
    data = text.encode("utf-8", "surrogatepass")
    redacted = redact_bytes(data, {} if counts is None else counts)
    return text if redacted is data else redacted.decode("utf-8", "surrogatepass")


def redact_bytes(data: bytes, counts: dict[str, int]) -> bytes:
    """The same for text in UTF-8; gives the same object if there is nothing to redact."""
    text = _without_words(data)
    if not given_texts.are_alone():
        data, text = _by_rules(data, text, counts)
    if given_texts.are_given():
        data = _without_given(data, text, counts, is_cut_before=data.startswith(_CUT), is_cut_behind=data.endswith(_CUT))
    return data


def redact_given(text: str, counts: dict[str, int] | None = None, *, is_cut_before: bool = False, is_cut_behind: bool = False) -> str:
    """The text without given texts alone, and without what is left of one at an edge where it is cut; the same object if it has none."""
    if not given_texts.are_given():
        return text
    data = text.encode("utf-8", "surrogatepass")
    counts = {} if counts is None else counts
    redacted = _without_given(data, _without_words(data), counts, is_cut_before=is_cut_before, is_cut_behind=is_cut_behind)
    return text if redacted is data else redacted.decode("utf-8", "surrogatepass")


def _without_given(data: bytes, text: bytes, counts: dict[str, int], *, is_cut_before: bool, is_cut_behind: bool) -> bytes:
    return _replace(data, text, given_texts.places_in(text, is_cut_before=is_cut_before, is_cut_behind=is_cut_behind), counts)[0]


def _by_rules(data: bytes, text: bytes, counts: dict[str, int]) -> tuple[bytes, bytes]:
    known = rules()
    judged: Judged = {}
    # A secret that overlaps the edge of another is found only after the other is replaced.
    for number in range(_MAX_PASSES):
        before = data
        data, text = _pass(data, text, counts, known, judged, _ALLOWED >> max(0, number - 1))
        if data is before:
            break
    return data, text


def _pass(data: bytes, text: bytes, counts: dict[str, int], known: Rules, judged: Judged, allowed: int) -> tuple[bytes, bytes]:
    """`text` is `data` as it is read: as long, with NULs where something was redacted."""
    # First the secrets with a known form: then the same secret is the same word in any context.
    places, allowed = tokens_in(text, known, allowed)
    data, text = _replace(data, text, places, counts)
    if data.endswith(_CUT):
        data, text = _replace(data, text, cut_off_in(text, known), counts)
    if b"\n" in text:
        data, text = _replace(data, text, list(columns_in(text)), counts)
    return _replace(data, text, contexts_in(text, known, judged, allowed), counts)


def _replace(data: bytes, text: bytes, places: list[Place], counts: dict[str, int]) -> tuple[bytes, bytes]:
    if not places:
        return data, text
    words: dict[bytes, bytes] = {}
    pieces: list[bytes] = []
    read: list[bytes] = []
    end = 0
    for start, stop, kind, given in places:
        secret = data[start:stop]
        word = given or words.get(secret) or words.setdefault(secret, word_of(kind, secret))
        pieces += (data[end:start], word)
        read += (text[end:start], bytes(len(word)))
        counts[kind] = counts.get(kind, 0) + 1
        end = stop
    return b"".join((*pieces, data[end:])), b"".join((*read, text[end:]))


def word_of(kind: str, secret: bytes) -> bytes:
    """The replacement of a secret."""
    return b"[redacted:%b:%b]" % (kind.encode(), sha256(secret).hexdigest()[:8].encode())


def has_word(text: str) -> bool:
    """Whether something in a text was redacted."""
    return "[redacted:" in text


def _without_words(data: bytes) -> bytes:
    """As long, with NULs where something was redacted before: that ends a text, so that doing it again finds nothing else."""
    if _WORD not in data:
        return data
    parts = _WORDS.split(data)
    parts[1::2] = [bytes(len(word)) for word in parts[1::2]]
    return b"".join(parts)
