"""Targets of the query service and of what both sides share: what a person types, and what is shown of anything."""

from html import unescape

from services.query import cursor
from services.query.http import dead_letter_payload
from services.query.queries.search.query_language import parse
from services.query.queries.search.snippet import snippet
from services.query.queries.search.text_conditions import of_literal, of_pattern, of_words
from services.query.queries.stats import ranges
from services.query.search_index.words.text_words import has_sign, has_word, query_words, words_of
from shared.events.project_paths import MAX_LENGTH, InvalidPath, name_of, normalize_project_path
from shared.http.errors import ApiError
from shared.redaction.redact import redact_text
from tests.fuzz import seeds
from tests.fuzz.invariants import Target, assert_storable

_MAX_QUERY_CHARS = 256
_SHAPES: tuple[cursor.Shape, ...] = (("time", "uuid"), ("uuid",), ("int",), ("float", "time", "uuid"), ("text", "int", "int", "int"))


def _any_text(data: bytes) -> str:
    """Any text, lone surrogates too."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def search(data: bytes) -> None:
    """Any text is a query, in words, as it stands, or as a pattern, which may be a 400. A text is found by its own words, and shown without markup."""
    asked = _any_text(data)[:_MAX_QUERY_CHARS]
    query = parse(asked, _MAX_QUERY_CHARS, with_filters=False)
    for term in (term for terms in query.alternatives for term in terms):
        assert_storable(term)
    of_words(query, None, None)
    of_literal(asked, None, is_case_sensitive=False)
    try:
        of_pattern(asked, None, is_case_sensitive=False)
    except ApiError as error:
        error.message.encode("utf-8", "surrogatepass")
    text = data.decode("utf-8", "replace").replace("\0", "\ufffd")
    for word in text.split()[:5]:
        _check_found(text, word)
    html = snippet(text, query.highlights)
    assert "<" not in html.replace("<mark>", "").replace("</mark>", "")
    assert unescape(html.replace("<mark>", "").replace("</mark>", "")).strip("…")[:10] in text or not query_words(text) or "&" in text


def _check_found(text: str, word: str) -> None:
    """Typed as it stands in the text, a plain word finds it: in the index, and by a look at the text."""
    if word.startswith("-") or '"' in word or word.lower() == "or" or len(word) > _MAX_QUERY_CHARS:
        return
    cut = words_of(text)
    indexed = {*query_words(cut.text), *cut.name_parts.split()}
    for term in (term for terms in parse(word, with_filters=False).alternatives for term in terms):
        for number, each in enumerate(term.words, start=1):
            is_beginning = term.is_beginning and number == len(term.words)
            is_indexed = any(known.startswith(each) for known in indexed) if is_beginning else each in indexed
            assert is_indexed, (word, each)
            assert has_word(text, each, is_beginning=is_beginning), (word, each)
        assert set(term.signs) <= set(cut.signs.split()), (word, term)
        assert all(has_sign(text, sign) for sign in term.signs), (word, term)
        assert not term.is_excluded
        assert not term.is_exact or term.text.lower() in word.lower(), (word, term)


def cursors(data: bytes) -> None:
    """A cursor is read or is a 400; what is read makes the same cursor again."""
    shape = _SHAPES[data[0] % len(_SHAPES)] if data else _SHAPES[0]
    filters = "0123456789abcdef"
    try:
        keys = cursor.decode(_any_text(data[1:]), filters, shape)
    except ApiError as error:
        assert error.code == "INVALID_CURSOR"
        return
    assert len(keys) == len(shape)
    again = [None if key == cursor.UNDATED and kind == "time" else key for key, kind in zip(keys, shape, strict=True)]
    assert cursor.decode(cursor.encode(again, filters), filters, shape) == keys


def project_path(data: bytes) -> None:
    """A path is absolute and the same again, or an InvalidPath."""
    path = _any_text(data)
    try:
        normal = normalize_project_path(path)
    except InvalidPath:
        return
    assert normalize_project_path(normal) == normal
    assert len(normal) <= MAX_LENGTH
    assert "\0" not in normal
    assert name_of(normal)


def redaction(data: bytes) -> None:
    """Never an error; doing it again changes nothing; what has no secret is the same."""
    text = _any_text(data)
    counts: dict[str, int] = {}
    redacted = redact_text(text, counts)
    assert redact_text(redacted) == redacted, "not idempotent"
    if not counts:
        assert redacted == text


def dead_letter(data: bytes) -> None:
    """Any dead letter can be shown on a terminal and in JSON."""
    found = dead_letter_payload.shown(data)
    found.payload.encode()
    assert not any((ord(character) < 32 and character not in "\t\n\r") or ord(character) == 127 for character in found.payload)
    assert len(found.payload) <= dead_letter_payload.MAX_SHOWN_CHARACTERS


def dates(data: bytes) -> None:
    """A range in any zone, or a 400."""
    start, _, rest = _any_text(data).partition("|")
    end, _, zone = rest.partition("|")
    try:
        begin, until = ranges.instants(start or None, end or None, ranges.time_zone(zone or "UTC"))
    except ApiError as error:
        error.message.encode("utf-8", "surrogatepass")
        return
    for instant in (begin, until):
        assert instant is None or instant.tzinfo is not None


def _cursors() -> list[bytes]:
    keys: list[tuple[object, ...]] = [
        ("2026-01-01T00:00:00Z", "018f3b1e-0000-7000-8000-000000000009"),
        (5,),
        (1.5, None, "018f3b1e-0000-7000-8000-000000000009"),
    ]
    return [bytes([number]) + cursor.encode(key, "0123456789abcdef").encode() for number, key in zip((0, 2, 3), keys, strict=True)]


_SECRETS = (
    b"ghp_",
    b"sk-ant-api03-",
    b"AKIA",
    b"password=",
    b'"api_key": "',
    b"-----BEGIN RSA PRIVATE KEY-----",
    b"eyJhbGciOi",
    b"Bearer ",
    b"[redacted:",
)
_URLS = (b"postgres://user:pass@host/db", b"https://x:y@z")
TARGETS = {
    "search": Target(
        search,
        lambda: [
            b'useEffect "my_func" -not or src/app.py',
            "検索窓 ไทย naïve ﬁ İ ß".encode(),
            b"E0277 it's a \\ back",
            *seeds.transcripts(),
        ],
        (b" or ", b" -", b'"', b"_", b"'", b"\\", "検".encode(), "ﬁ".encode(), "İ".encode()),
        2048,
    ),
    "cursor": Target(cursors, _cursors, max_bytes=512),
    "project-path": Target(
        project_path, lambda: [b"C:\\src\\app\\", b"//server/share/x/..", b"/a/./b/../c/", b"relative"], (b"..", b"//", b"C:", b"\\")
    ),
    "redaction": Target(
        redaction,
        lambda: [b"token ghp_aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hJ6", b'{"password": "hunter2hunter2"}', *_URLS, *seeds.claude_json()],
        (*_SECRETS, *_URLS),
        2048,
    ),
    "letter": Target(dead_letter, lambda: [*seeds.events(), b"\xff\0\x1b[31m", b'"\\ud800"'], _SECRETS),
    "dates": Target(
        dates,
        lambda: [b"2024-01-15|2024-02-01|Europe/Berlin", b"2024-01-15T10:00:00+02:00||", b"0001-01-01|9999-12-31|Asia/Tokyo"],
        (b"|", b"T"),
        200,
    ),
}
