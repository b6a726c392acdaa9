"""How a typed query is read, and that the terms of a text fit it."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.queries.search.query_language import parse
from tests.example_counts import examples

MAX_CHARS = 256
# NUL and lone surrogates never get this far: ingest replaces them.
storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400)


def understood(q: str) -> list[list[str]]:
    """The alternatives with the words and signs of their terms: `!` before what is excluded, `*` behind a beginning, `=` if the text is looked at."""
    return [
        ["!" * term.is_excluded + " ".join((*term.words, *term.signs)) + "*" * term.is_beginning + "=" * term.is_exact for term in terms]
        for terms in parse(q, MAX_CHARS, with_filters=False).alternatives
    ]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("fix bug", [["fix", "bug*"]]),
        ("fix -bug", [["fix", "!bug*"]]),
        ("fix or bug", [["fix"], ["bug*"]]),
        ('"fix"', [["fix"]]),
        ("useEffect fix", [["useeffect*", "fix*"]]),
        ("my_func fix", [["my func*=", "fix*"]]),
        ("session_id", [["session id*="]]),
        ("go", [["go"]]),
        ("or", []),
        ("or or fix or", [["fix"]]),
        ("!", []),
        ("", []),
        ("検索機能", [["検 索 機 能="]]),
        ("窓", [["窓"]]),
        ("नमस्ते", [["नमस ते="]]),
        ("=> fix", [["=>", "fix*"]]),
        ("fix -force", [["fix", "!force*"]]),
        ("- fix -", [["fix"]]),
        ("Café", [["cafe*"]]),
        ("x" * 70, [["x" * 70 + "*="]]),
        ("project:shop", [["project shop*="]]),
        ('"not found" src/app.py -"all good"', [["not found=", "src app py=", "!all good="]]),
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
