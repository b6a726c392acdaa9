"""How a typed query is read, and that the terms of a text fit it."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.queries.search.query_language import parse
from shared.document_words import words_of
from tests.example_counts import examples

MAX_CHARS = 256
# NUL and lone surrogates never get this far: ingest replaces them.
storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400)


@pytest.fixture
def postgres(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def understood(q: str) -> list[list[str]]:
    """The alternatives with the lexemes of their terms: `!` before what is excluded, `=` behind what is also looked for in the text."""
    return [
        ["!" * term.is_excluded + " ".join(term.lexemes) + "=" * term.is_exact for term in terms]
        for terms in parse(q, MAX_CHARS, with_filters=False).alternatives
    ]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("fix bug", [["'fix'", "'bug':*"]]),
        ("fix -bug", [["'fix'", "!'bug':*"]]),
        ("fix or bug", [["'fix'"], ["'bug':*"]]),
        ('"fix"', [["'fix'"]]),
        ("useEffect fix", [["'useeffect':*", "'fix':*"]]),
        ("go", [["'go'"]]),
        ("or", []),
        ("or or fix or", [["'fix'"]]),
        ("!", []),
        ("", []),
        ("検索機能", [["'検索' '索機' '機能'="]]),
        ("窓", [["'窓'"]]),
        ("fix -force", [["'fix'", "!'force':*"]]),
        ("- fix -", [["'fix'"]]),
        ("Café", [["'cafe':*"]]),
        ("project:shop", [["'project' 'shop':*="]]),
        ('"not found" src/app.py -"all good"', [["'not' 'found'=", "'src' 'app' 'py'=", "!'all' 'good'="]]),
    ],
)
def test_a_query_is_read_as_words_phrases_and_alternatives(q: str, expected: list[list[str]]) -> None:
    assert understood(q) == expected


@pytest.mark.parametrize(
    ("q", "exact"),
    [
        ("--no-verify", ["--no-verify"]),
        ("`--force`,", ["--force"]),
        ("~/.claude", ["~/.claude"]),
        ("/tmp src/", ["/tmp", "src/"]),
        ("C# c++ 100% @scope/x #12", ["C#", "c++", "100%", "@scope/x", "#12"]),
        ('"-m"', ["-m"]),
        ('"done!"', ["done!"]),
        ("(fix), fix. fix? 'fix' <fix> fix*", []),
        ('"fix"', []),
        ("でREADME", ["でREADME"]),
    ],
)
def test_punctuation_joined_to_a_word_is_looked_for_in_the_text(q: str, exact: list[str]) -> None:
    [terms] = parse(q, with_filters=False).alternatives

    assert [term.text for term in terms if term.is_exact] == exact


@settings(max_examples=examples(300), deadline=None)
@given(st.text(max_size=MAX_CHARS))
@example('"' * 256)
@example("- -\"\" -'' \0 \ud800")
def test_any_text_is_read(q: str) -> None:
    query = parse(q, MAX_CHARS)

    assert "\0" not in str(query)


def test_words_typed_as_in_a_text_find_that_text(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when a person types one of its words with all that belongs to it, or some of them, then the text matches."""
    pieces = st.sampled_from(
        [
            "fix",
            "useEffect",
            "--no-verify",
            "-",
            "--",
            "src/app.py",
            "~/.x",
            "検索",
            "でREADMEを",
            "型v2",
            "C++",
            "(a)",
            "b.",
            "'c'",
            "é",
            "or",
        ]
    )

    @settings(max_examples=examples(200), deadline=None)
    @given(st.lists(st.lists(pieces, min_size=1, max_size=3).map("".join), min_size=1, max_size=4), st.integers(0, 3), st.integers(1, 2))
    @example(["git", "commit", "--no-verify"], 2, 1)
    def check(words: list[str], first: int, count: int) -> None:
        typed = [word for word in words[first : first + count] if word.lower() != "or" and not re.match("-(?![-=>])", word)]
        text = " ".join(words)
        for terms in parse(" ".join(typed), with_filters=False).alternatives:
            assert all(term.text.lower() in text.lower() for term in terms if term.is_exact)
            assert_matches(postgres, text, [lexeme for term in terms for lexeme in term.lexemes])
            assert_matches(postgres, text, [f"({term.phrase})" for term in terms if term.phrase])

    check()


def test_postgres_accepts_every_vector_and_query(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when it becomes a vector or a query, then Postgres reads it, and the text matches its own words."""

    @settings(max_examples=examples(150), deadline=None)
    @given(storable_text)
    def check(text: str) -> None:
        for terms in parse(text[:MAX_CHARS], MAX_CHARS, with_filters=False).alternatives:
            for term in terms:
                postgres.execute("SELECT %s::tsquery, %s::tsquery", (" & ".join(term.lexemes), term.phrase))
        words = re.findall(r"(?<!\w)[A-Za-z]{4,60}", text)[:1]
        for terms in parse(words[0] if words and words[0].lower() != "or" else "").alternatives:
            if len(re.findall(r"\w+", text)[0]) <= 64:
                assert_matches(postgres, text, [lexeme for term in terms for lexeme in term.lexemes])
        postgres.execute("SELECT %s::tsvector", (words_of(text).vector,))

    check()


def assert_matches(postgres: psycopg.Connection[Any], text: str, lexemes: list[str]) -> None:
    if not lexemes:
        return
    found = postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (words_of(text).vector, " & ".join(lexemes))).fetchone()
    assert found == (True,), (text, lexemes)
