"""Search terms of the search index: folded words, and symbols."""

import string
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.search_terms import folded, neighbour_lexemes, query_lexemes, search_vector, symbol_lexemes

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


@settings(max_examples=500, deadline=None)
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
def test_symbols_are_indexed_in_pairs_or_alone(text: str, expected: tuple[str, ...]) -> None:
    assert symbol_lexemes(text) == expected


def test_a_document_has_all_that_a_query_for_its_text_asks_for(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when any run of its words, characters or symbols is asked for, folded or not, then its vector matches."""

    @settings(max_examples=200, deadline=None)
    @given(st.one_of(storable_text, code_like), st.integers(0, 200), st.integers(1, 20))
    @example("検索useEffectの例", 2, 9)
    @example("x" * 70 + "=>", 0, 200)
    @example("ǿ Łódź", 0, 200)
    @example(string.punctuation * 2 + string.punctuation[::-1], 0, 200)
    def check(text: str, start: int, length: int) -> None:
        words = text.split()
        some = text[start : start + length]
        asked = [*symbol_lexemes(some), *symbol_lexemes(folded(some)), *query_lexemes(text), *query_lexemes(folded(text))]
        asked += [lexeme for word in words for lexeme in (*query_lexemes(word), *query_lexemes(word.upper()), *query_lexemes(folded(word)))]
        for lexeme in dict.fromkeys(asked):
            assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (search_vector(text), lexeme)).fetchone() == (True,), (
                lexeme,
                text,
            )

    check()


def test_a_document_has_the_neighbours_of_each_run_of_its_words(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when some of its words that follow each other are asked for, folded or not, then its vector matches."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.one_of(storable_text, code_like, st.lists(st.sampled_from(["in", "the", "File", "x_y", "404", "é", "ŉ", "検索"])).map(" ".join))
    )
    @example("In the file's CAFÉ, the Straße.")
    @example("a" * 9 + " b c")
    def check(text: str) -> None:
        words = text.split()
        runs = [" ".join(words[start:end]) for start in range(len(words)) for end in range(start + 2, min(start + 5, len(words) + 1))]
        asked = [lexeme for run in runs for lexeme in (*neighbour_lexemes(run), *neighbour_lexemes(folded(run)))]
        if asked:
            both = (search_vector(text), " & ".join(dict.fromkeys(asked)))
            assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", both).fetchone() == (True,), text

    check()


@pytest.mark.parametrize(
    ("text", "same"),
    [("in the", "IN, the!"), ("the café", "The CAFE"), ("der Fuß", "der FUSS")],
)
def test_neighbours_are_the_same_in_any_case_and_with_any_marks_between(text: str, same: str) -> None:
    assert len(neighbour_lexemes(text)) == 1
    assert neighbour_lexemes(text) == neighbour_lexemes(same)


@pytest.mark.parametrize("text", ["", "one", "x_y of", "404 of", "a" * 9 + " of"])
def test_names_numbers_and_long_words_have_no_neighbours(text: str) -> None:
    assert neighbour_lexemes(text) == ()


def test_the_order_of_neighbours_counts() -> None:
    assert neighbour_lexemes("the file") != neighbour_lexemes("file the")


def test_a_text_of_the_most_words_and_neighbours_fits_into_a_vector(postgres: psycopg.Connection[Any]) -> None:
    letters = string.ascii_lowercase
    words = [a + b + c for a in letters for b in letters for c in letters]
    names = [f"{word}_{number}_{word.upper()}{word}" for number, word in enumerate(words)]
    text = " ".join([*words, *reversed(words), *names])

    [stored] = postgres.execute("SELECT length(%s::tsvector)", (search_vector(text),)).fetchone() or ()

    assert stored > len(words)


def test_parts_and_tails_of_accented_identifiers_are_indexed(postgres: psycopg.Connection[Any]) -> None:
    vector = search_vector("parseCaféMenu")

    for typed in ("parseCafeMenu", "cafe", "café", "menu", "cafemenu"):
        [lexeme] = query_lexemes(typed)
        assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (vector, lexeme)).fetchone() == (True,)
