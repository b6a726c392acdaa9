"""The words of the search index: folded, with their places; signs; and queries for them."""

import random
import string
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.document_words import OVERLONG, folded, phrase_query, query_lexemes, sign_lexemes, words_of
from tests.example_counts import examples

storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
code_like = st.lists(
    st.sampled_from(
        [
            *"=>:+-*'\"\\`(){}[]|&!?.,; \n",
            "fix",
            "useEffect",
            "my_func",
            "café",
            "Ёлка",
            "検索",
            "ไทย",
            "🚀",
            "👩‍💻",
            "→",
            "…",
            "™",
            "が",
            "नमस्ते",
        ]
    ),
    max_size=30,
).map("".join)


@pytest.fixture
def postgres(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café CAFÉ cafe\u0301", "cafe cafe cafe"),
        ("Straße ÄRGER Øre İı", "strasse arger ore ii"),
        ("Ёлка й ΆΛΦΑ", "елка и αλφα"),
        ("検索 がぎ ไทยนี้ 한국어", "検索 がぎ ไทยนี้ 한국어"),
        ("ｆｕｌｌ ﬁx", "full fix"),
        ("a => b", "a => b"),
    ],
)
def test_text_is_folded_to_what_is_compared(text: str, expected: str) -> None:
    assert folded(text) == expected


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(storable_text, code_like))
@example("\u1f80\u0345\u00df\u0149\u1e9e")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a => b", ("'=>'",)),
        ("std::vector<int>", ("'::'",)),
        ("git commit --no-verify", ("'--'",)),
        ("i++ ==> x", ("'++'", "'=='", "'=>'")),
        ("it''s \\\\", ("''''''", "'\\\\\\\\'")),
        ("ship 🚀 → done", ("'→'", "'🚀'")),
        ("👩‍💻", ("'👩'", "'💻'")),
        ("**Note:** this", ("'**'", "':*'")),
        ("fix(a) one.two", ()),
        ("__init__ नमस्ते", ()),
    ],
)
def test_signs_are_indexed_in_pairs_or_alone(text: str, expected: tuple[str, ...]) -> None:
    assert sign_lexemes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fix the Cleanup", {"fix", "the", "cleanup"}),
        ("useEffect", {"useeffect", "use", "effect"}),
        ("getUserName", {"getusername", "username", "get", "user", "name"}),
        ("my_func_name", {"my_func_name", "func_name", "my", "func", "name"}),
        ("parseHTTPResponse", {"parsehttpresponse", "httpresponse", "parse", "http", "response"}),
        ("src/app/main.py", {"src", "app", "main", "py"}),
        ("error[E0382] 404", {"error", "e0382", "404"}),
        ("Straße ÄRGER", {"strasse", "arger"}),
        ("検索窓", {"検", "索", "窓", "検索", "索窓"}),
        ("検索useEffectの例", {"検", "索", "検索", "useeffect", "use", "effect", "の", "例", "の例"}),
        ("型v2.1", {"型", "v2", "1"}),
        ("ｆｕｌｌ", {"full"}),
        ("! ? (", set()),
    ],
)
def test_a_text_is_indexed_under_its_words_and_their_parts(postgres: psycopg.Connection[Any], text: str, expected: set[str]) -> None:
    assert set(lexemes_of(postgres, words_of(text).vector)) == expected


def test_an_identifier_and_its_parts_share_a_place(postgres: psycopg.Connection[Any]) -> None:
    vector = words_of("see useEffect").vector

    places = postgres.execute("SELECT lexeme, positions FROM unnest(%s::tsvector)", (vector,)).fetchall()
    assert dict(places) == {"see": [1], "useeffect": [2], "use": [2], "effect": [2]}


def test_a_word_has_all_of_its_places_in_each_case_and_as_a_part(postgres: psycopg.Connection[Any]) -> None:
    vector = words_of("The end: THE end, the useThe the").vector

    places = postgres.execute("SELECT lexeme, positions FROM unnest(%s::tsvector)", (vector,)).fetchall()
    assert {lexeme: at for lexeme, at in places if at} == {"the": [1, 3, 5, 6, 7], "end": [2, 4], "usethe": [6], "use": [6]}


def test_words_that_are_too_long_for_a_lexeme_keep_their_places() -> None:
    words = words_of(" ".join(f"{number}{'x' * 70}" for number in range(100, 400)))

    assert words.has_places


def test_a_document_has_all_that_a_query_for_its_text_asks_for(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when any run of its words, characters or signs is asked for, folded or not, then its vector matches."""

    @settings(max_examples=examples(200), deadline=None)
    @given(st.one_of(storable_text, code_like), st.integers(0, 200), st.integers(1, 20))
    @example("検索useEffectの例", 2, 9)
    @example("x" * 70 + "=>", 0, 200)
    @example("ǿ Łódź", 0, 200)
    @example(string.punctuation * 2 + string.punctuation[::-1], 0, 200)
    def check(text: str, start: int, length: int) -> None:
        words = text.split()
        some = text[start : start + length]
        asked = [*sign_lexemes(some), *sign_lexemes(folded(some)), *query_lexemes(text), *query_lexemes(folded(text))]
        asked += [lexeme for word in words for lexeme in (*query_lexemes(word), *query_lexemes(word.upper()), *query_lexemes(folded(word)))]
        for lexeme in dict.fromkeys(asked):
            assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (words_of(text).vector, lexeme)).fetchone() == (True,), (
                lexeme,
                text,
            )

    check()


def test_a_document_has_its_words_side_by_side(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when some of its words that follow each other are asked for, folded or not, then its vector matches."""

    @settings(max_examples=examples(200), deadline=None)
    @given(
        st.one_of(storable_text, code_like, st.lists(st.sampled_from(["in", "the", "File", "x_y", "404", "é", "ŉ", "検索"])).map(" ".join))
    )
    @example("In the file's CAFÉ, the Straße.")
    @example("the useEffect hook of my_func")
    @example("the the the")
    @example("0\r\U0002ebe1ß")
    def check(text: str) -> None:
        words = text.split()
        runs = [" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 2, min(start + 5, len(words) + 1))]
        asked = [phrase_query(each, is_open=is_open) for run in runs for each in (run, folded(run)) for is_open in (False, True)]
        vector = words_of(text).vector
        for query in filter(None, dict.fromkeys(asked)):
            assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (vector, query)).fetchone() == (True,), (query, text)

    check()


@pytest.mark.parametrize(
    ("phrase", "is_there"),
    [
        ("the useEffect hook", True),
        ("Effect hook", True),
        ("the use", True),
        ("hook the", False),
        ("use hook", True),  # Parts share the place of their word; the text tells the rest.
        ("use my", False),
        ("hook: (my_func)", True),
        ("hook my", True),
        ("hook fun", False),
        ("検索 the", True),
        ("索 the", True),
    ],
)
def test_places_tell_which_words_are_side_by_side(postgres: psycopg.Connection[Any], phrase: str, is_there: bool) -> None:
    """A part has the place of its word, so the text decides about the rest."""
    vector = words_of("in 検索 the useEffect hook, my_func").vector

    assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (vector, phrase_query(phrase))).fetchone() == (is_there,)


def test_one_word_is_no_phrase() -> None:
    assert (phrase_query("one"), phrase_query("=> x"), phrase_query("!")) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "has_places"),
    [("a b " * 127, True), ("a b " * 256, False), ("aX bX " * 128, False), (" ".join(f"w{n}" for n in range(17_000)), False)],
)
def test_a_document_says_whether_postgres_keeps_all_places(postgres: psycopg.Connection[Any], text: str, has_places: bool) -> None:
    words = words_of(text)

    kept = (
        "SELECT bool_and(cardinality(positions) <= 255 AND 16383 <> ALL (positions)) FROM unnest(%s::tsvector) WHERE positions IS NOT NULL"
    )
    assert words.has_places is has_places
    assert postgres.execute(kept, (words.vector,)).fetchone() == (True,) or not has_places


def lexemes_of(postgres: psycopg.Connection[Any], vector: str) -> list[str]:
    return [row[0] for row in postgres.execute("SELECT unnest(tsvector_to_array(%s::tsvector))", (vector,)).fetchall()]


def test_a_text_of_any_characters_fits_into_a_vector(postgres: psycopg.Connection[Any]) -> None:
    rng = random.Random(7)
    rare = "".join(chr(0x20000 + rng.randrange(40_000)) for _ in range(250_000))
    any_characters = "".join(chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0xE000, 0x110000)])) for _ in range(250_000))

    for text in (rare, any_characters, "é" * 250_000, "x " * 150_000):
        assert lexemes_of(postgres, words_of(text).vector)


def test_a_text_of_the_most_words_fits_into_a_vector(postgres: psycopg.Connection[Any]) -> None:
    letters = string.ascii_lowercase
    three = [a + b + c for a in letters for b in letters for c in letters]
    names = " ".join([*three, *reversed(three), *(f"{word}_{number}_{word.upper()}{word}" for number, word in enumerate(three))])

    for text in (names, "検索窓" * 66_666, "aB" * 100_000, " ".join(letter * 70 for letter in letters) * 100):
        words = words_of(text)
        assert postgres.execute("SELECT length(%s::tsvector) > 3", (words.vector,)).fetchone() == (True,)


def test_words_of_more_letters_than_a_lexeme_are_marked(postgres: psycopg.Connection[Any]) -> None:
    marked = "SELECT %s::tsvector @@ %s::tsquery"

    assert postgres.execute(marked, (words_of("x" * 65).vector, OVERLONG)).fetchone() == (True,)
    assert postgres.execute(marked, (words_of("x" * 64).vector, OVERLONG)).fetchone() == (False,)


def test_parts_and_tails_of_accented_identifiers_are_indexed(postgres: psycopg.Connection[Any]) -> None:
    vector = words_of("parseCaféMenu").vector

    for typed in ("parseCafeMenu", "cafe", "café", "menu", "cafemenu"):
        [lexeme] = query_lexemes(typed)
        assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (vector, lexeme)).fetchone() == (True,)
