"""Patterns of LIKE that mean a text itself."""

from shared.like_patterns import escape_like


def test_wildcards_are_escaped() -> None:
    assert escape_like("50%_\\") == "50\\%\\_\\\\"
