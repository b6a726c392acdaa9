"""Snippets: the part of a text that it was found by, as safe HTML."""

from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from services.query.snippet import SNIPPET_CHARS, snippet


def test_the_word_is_marked_in_any_case() -> None:
    assert snippet("Call useEffect here", ["useeffect"]) == "Call <mark>useEffect</mark> here"


def test_text_is_escaped() -> None:
    assert (
        snippet("<script>alert('x')</script>", ["script"]) == "&lt;<mark>script</mark>&gt;alert(&#x27;x&#x27;)&lt;/<mark>script</mark>&gt;"
    )


def test_a_long_text_is_cut_around_the_first_hit() -> None:
    found = snippet("a " * 500 + "needle" + " b" * 500, ["needle"])
    assert found.startswith("…")
    assert found.endswith("…")
    assert "<mark>needle</mark>" in found


@given(st.text(), st.lists(st.text(max_size=5), max_size=3))
def test_without_marks_it_is_a_part_of_the_text(content: str, highlights: list[str]) -> None:
    plain = unescape(snippet(content.replace("&", "").replace("…", ""), highlights).replace("<mark>", "").replace("</mark>", "")).strip("…")
    assert len(plain) <= SNIPPET_CHARS
    assert plain in content.replace("&", "").replace("…", "")
