"""The texts that each match of a regular expression has."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query.queries.search.text_conditions import texts_of_each_match


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (r"def \w+_test", [["def ", "_test"]]),
        ("TODO|FIXME", [["TODO"], ["FIXME"]]),
        (r"https?://[a-z]+\.", [["http", "://", "."]]),
        ("ab+c", [["ab", "c"]]),
        ("ab*c{0,2}d{2}e", [["a", "d", "e"]]),
        ("(abc)?x(a|b)yz", [["x", "yz"]]),
        (r"a\|b", [["a", "b"]]),
        (r"[]|a]b|[^)]c", [["b"], ["c"]]),
        (r"\x41|b", [[]]),
        (r"\Qa|b\E", [[]]),
        (r"\brun\b", [["run"]]),
        ("a.b", [["a", "b"]]),
        (r"foo\s+bar", [["foo bar"]]),
        (r"foo *bar|a {2}b", [["foo", "bar"], ["a b"]]),
        (r"foo \s*bar", [["foo bar"]]),
        ("a?", [[]]),
        ("a|", [["a"], []]),
    ],
)
def test_texts_are_those_that_no_match_lacks(pattern: str, texts: list[list[str]]) -> None:
    assert texts_of_each_match(pattern) == texts


@given(
    st.lists(st.sampled_from(["ab", "c", r"\d", r"\s", " ", r"\.", "[ab|]", "(", ")", "(?:", "|", "*", "+", "?", "{1,2}", "{0}", "."])).map(
        "".join
    ),
    st.data(),
)
def test_each_match_has_the_texts_of_an_alternative(pattern: str, data: st.DataObject) -> None:
    """given any pattern, when a text matches it, then the text has all that one of its alternatives says."""
    try:
        match = data.draw(st.from_regex(pattern))
    except (re.error, RecursionError):
        return

    assert any(all(_with_one_space(text) in _with_one_space(match) for text in texts) for texts in texts_of_each_match(pattern))


def _with_one_space(text: str) -> str:
    """Any white space between words as one space."""
    return re.sub(r"\s+", " ", text)
