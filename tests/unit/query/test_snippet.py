"""Snippets show the matching part of a text as safe HTML."""

import re
from html import unescape

from hypothesis import example, given
from hypothesis import strategies as st

from services.query.queries.search.snippet import SNIPPET_CHARS, snippet


def test_a_match_is_marked_in_any_case() -> None:
    assert snippet("Call useEffect here", ["useeffect"]) == "Call <mark>useEffect</mark> here"


def test_snippet_text_is_escaped() -> None:
    assert (
        snippet("<script>alert('x')</script>", ["script"]) == "&lt;<mark>script</mark>&gt;alert(&#x27;x&#x27;)&lt;/<mark>script</mark>&gt;"
    )


def test_a_long_text_is_cut_around_the_first_hit() -> None:
    found = snippet("a " * 500 + "needle" + " b" * 500, ["needle"])
    assert found.startswith("…")
    assert found.endswith("…")
    assert "<mark>needle</mark>" in found


def test_distant_matches_are_both_shown() -> None:
    found = snippet("x " * 300 + "first word" + " y" * 900 + " second one" + " z" * 300, ["second", "first"])
    assert found.startswith("…")
    assert found.endswith("…")
    before, between, after = re.split("<mark>first</mark>|<mark>second</mark>", found)
    assert " … " in between
    assert before.endswith("x ")
    assert after.startswith(" one z")


def test_the_passage_with_adjacent_words_is_chosen() -> None:
    content = "git is old. " + "a " * 500 + "then git commit it" + " b" * 500 + " commit"
    assert "then <mark>git</mark> <mark>commit</mark> it" in snippet(content, ["git", "commit"])


def test_a_whole_word_is_preferred_to_a_part_of_another() -> None:
    content = "digital goods " * 100 + "go with git, or GitHub"
    found = snippet(content, ["go", "git"])
    assert "<mark>go</mark> with <mark>git</mark>, or <mark>Git</mark>Hub" in found
    assert "di<mark>" not in found
    assert snippet("only digital", ["git"]) == "only di<mark>git</mark>al"


def test_marks_are_correct_where_lower_case_changes_the_length() -> None:
    assert snippet("İİİ a city of İstanbul", ["CITY"]) == "İİİ a <mark>city</mark> of İstanbul"


def test_as_many_matches_are_shown_as_fit() -> None:
    words = [f"word{number}" for number in range(16)]
    found = snippet((" -" * 300).join(words), words)
    assert found.count("<mark>") >= 5
    assert len(found.replace("<mark>", "").replace("</mark>", "").replace(" … ", "").replace("…", "")) <= SNIPPET_CHARS


letters = st.text(st.sampled_from("ab İß-_AB1") | st.characters(exclude_characters="…"), max_size=300)


@given(letters, st.lists(st.text(st.sampled_from("abİß_AB1"), max_size=3), max_size=4))
@example("a" * 1000, ["a" * 300])
@example("", ["a"])
def test_a_snippet_without_marks_is_made_of_passages_of_the_text_in_order(content: str, highlights: list[str]) -> None:
    plain = unescape(snippet(content, highlights).replace("<mark>", "").replace("</mark>", ""))
    parts = plain.strip("…").split(" … ")
    assert sum(map(len, parts)) <= SNIPPET_CHARS
    at = 0
    for part in parts:
        assert part in content[at:]
        at = content.index(part, at) + len(part)


@given(letters, st.lists(st.text(st.sampled_from("abB1"), min_size=1, max_size=3), min_size=1, max_size=3))
def test_every_search_word_in_the_text_is_marked(content: str, highlights: list[str]) -> None:
    found = snippet(content, highlights)
    marked = " ".join(re.findall("<mark>(.*?)</mark>", found)).lower()
    assert all(word.lower() in marked for word in highlights if word.lower() in content.lower())
