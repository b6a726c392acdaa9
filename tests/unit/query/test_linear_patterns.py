"""Which regular expressions a search takes."""

import pytest

from services.query.queries.search.linear_patterns import MAX_CHARS, MAX_DEPTH, MAX_PLACES, check
from shared.http.errors import BadRequest


@pytest.mark.parametrize(
    "pattern",
    [
        r"E\d{4}",
        "(use|fetch)[A-Z]\\w+",
        r"^run\y",
        r"\mword\M",
        "(?:a|b)*?c{2,}",
        "🚀|=>",
        r"\\1",
        r"[\\]1",
        r"[^]\]]1",
        "[]a(?=]",
        "[[:alpha:](?!]+",
        r"\x31\u0031\0",
        r"\c\1",
        "a{1,2",
        "{x}",
        "a" * MAX_CHARS,
        f"a{{{255}}}",
        "(?:ab){0,128}",
        "(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH,
        "()" * 20,
    ],
)
def test_a_linear_pattern_is_taken(pattern: str) -> None:
    check(pattern)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(.*)*\1\1x", r"has the back reference \1"),
        (r"(a)\10", "back reference"),
        (r"(a)[\1]", "back reference"),
        (r"(a)\\\1", "back reference"),
        (r"\c\\1", "back reference"),
        (r"(a)[[:alpha:]\]]\9", "back reference"),
        ("x(?=y)", "has (?="),
        ("x(?!y)", "has (?!"),
        ("(?<=x)y", "has (?<"),
        ("(?<x)", "has (?<"),
        ("[]](?=x)", "has (?="),
        ("[^]a](?=x)", "has (?="),
        (r"[a\]](?=x)", "has (?="),
        ("[[:alpha:]](?=x)", "has (?="),
        (r"(?b)\(a\)\1", "has (?b"),
        ("(?x)a", "has (?x"),
        ("(?#)", "has (?#"),
        ("***=a", "begins with ***"),
        (r"***:(a)\1", "begins with ***"),
        ("[[.a.]]", "has [. in a class"),
        ("[[=a=]]", "has [= in a class"),
        ("a" * (MAX_CHARS + 1), f"may have {MAX_CHARS}"),
        (f"a{{{MAX_PLACES}}}b", f"more than {MAX_PLACES} places"),
        ("(a{100}){100}", "places"),
        ("((a{0,9}){0,9}){0,9}", "places"),
        ("(ab){255,}", "places"),
        ("a{99999999999999999999}b", "places"),
        ("(a|bc{99}){3}", "places"),
        ("(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), f"more than {MAX_DEPTH} deep"),
        ("(" * MAX_CHARS, "deep"),
    ],
)
def test_what_may_take_for_ever_is_refused_with_what_is_allowed(pattern: str, reason: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        check(pattern)

    assert reason in refusal.value.message
    assert "Allowed are" in refusal.value.message
