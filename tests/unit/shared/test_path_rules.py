"""Patterns of paths."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.projects.path_rules import matches, problem_of


@pytest.mark.parametrize(
    ("pattern", "path", "is_named"),
    [
        ("/home/*/work/shop", "/home/ann/work/shop", True),
        ("/home/*/work/shop/", "/home/ann/work/shop", True),
        ("/home/*/work/shop", "/home/ann/x/work/shop", False),
        ("/home/*/work/shop", "/home/ann/work/shop/api", False),
        ("/home/**/shop", "/home/ann/x/work/shop", True),
        ("/srv/builds/**", "/srv/builds/1/2", True),
        ("/srv/builds/**", "/srv/builds", False),
        ("/w/shop*", "/w/shop-fix", True),
        ("/w/shop*", "/w/shop", True),
        ("C:/src/*/shop", "C:/src/a/shop", True),
        ("**/shop", "C:/src/a/shop", True),
        ("/w/s.op", "/w/shop", False),
    ],
)
def test_a_star_is_within_a_name_and_two_are_over_folders(pattern: str, path: str, is_named: bool) -> None:
    assert matches(pattern, path) is is_named


@pytest.mark.parametrize("pattern", ["work/shop", "", "**", "/*/**"])
def test_a_pattern_must_say_where(pattern: str) -> None:
    assert problem_of(pattern) is not None
    assert problem_of("/home/*/shop") is None


@given(pattern=st.text("/ab*", min_size=1, max_size=8), path=st.text("/ab", max_size=8))
def test_it_matches_as_the_same_regular_expression_does(pattern: str, path: str) -> None:
    parts = re.findall(r"\*+|[^*]", pattern.rstrip("/"))
    expression = "".join("[^/]*" if part == "*" else ".*" if part.startswith("**") else re.escape(part) for part in parts)
    assert matches(pattern, path) is (re.fullmatch(expression, path) is not None)


def test_many_stars_take_no_longer() -> None:
    began = time.process_time()
    assert not matches("/" + "**a" * 160, "/" + "a" * 4000 + "b")
    assert time.process_time() - began < 10
