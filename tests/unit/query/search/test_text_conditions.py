"""Candidates of the index are all texts that match, and no others where it tells all."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.queries.search.query_language import parse
from services.query.queries.search.text_conditions import Conditions, of_literal, of_pattern, of_words
from services.query.queries.search.text_scores import scores
from services.query.queries.search.text_searcher import count, newest_hits
from services.query.search_index.documents.row_documents import RowDocument
from shared.http.errors import BadRequest
from tests.example_counts import examples
from tests.unit.query.search.texts_in_memory import row, view_of

PIECES = [
    *" -_.=>:()'\"\n",
    "fix",
    "useEffect",
    "use",
    "Effect",
    "HTTPServer",
    "my_func",
    "--no-verify",
    "src/app.py",
    "検索",
    "検",
    "é",
    "café",
    "Straße",
    "C++",
    "🚀",
    "x" * 70,
    "a\u0301",
    "ｶﾞ",
    "नमस्ते",
]
texts = st.lists(st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.text(max_size=12)), min_size=1, max_size=6)


def candidates(rows: list[RowDocument], conditions: Conditions) -> set[int]:
    """Those of the narrow query, if there is one: all of them are candidates."""
    view = view_of(rows)
    found, narrow = (
        {hit.id.int for hit in newest_hits(view, query, 100)}
        for query in (conditions.candidates, conditions.narrow or conditions.candidates)
    )
    assert count(view, conditions.candidates) == len(found)
    assert narrow <= found
    return narrow


def storable(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


@settings(max_examples=examples(400), deadline=None)
@given(texts, st.lists(st.one_of(st.sampled_from([*PIECES, "or", '"', " -"]), st.text(max_size=4)), max_size=6).map("".join))
@example(["the useEffect hook"], '"Effect hook"')
@example(["a useEffect_once b"], "effect_once")
@example(["x" * 70 + " b", "b"], "x" * 70 + " b")
def test_the_index_tells_all_of_plain_words_and_signs(contents: list[str], q: str) -> None:
    rows = [row(number, storable(content)) for number, content in enumerate(contents, start=1)]
    conditions = of_words(parse(q, with_filters=False) if len(q.split()) < 32 else parse(""), None, None)

    if not conditions.looks_at_texts:
        assert candidates(rows, conditions) == {each.id.int for each in rows if conditions.holds(each)}


@settings(max_examples=examples(400), deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8), st.integers(0, 7), st.integers(1, 3))
@example(["useEffect", " ", "fix"], 0, 3)
def test_words_typed_as_they_stand_in_a_text_find_it(pieces: list[str], start: int, length: int) -> None:
    """given a text, when some of its words that follow each other are typed or quoted, then it is a candidate."""
    content = " ".join(pieces)
    typed = " ".join(content.split()[start : start + length])
    for q in (typed, f'"{typed}"' if '"' not in typed else typed, typed.upper()):
        query = parse(q, with_filters=False)
        conditions = of_words(query, None, None)
        # Quotes, exclusions and alternatives mean something else.
        if conditions.holds(row(1, content)):
            assert candidates([row(1, content)], conditions) == {1}, q


@settings(max_examples=examples(500), deadline=None)
@given(texts, st.integers(0, 20), st.integers(1, 12), st.booleans())
@example(["fix(parser): mend"], 2, 6, True)
def test_a_part_of_a_text_leads_to_it(contents: list[str], start: int, length: int, is_case_sensitive: bool) -> None:
    """given texts, when any part of the first one is looked for, then all that have it are candidates, as a literal and as a pattern."""
    rows = [row(number, storable(content)) for number, content in enumerate(contents, start=1)]
    literal = rows[0].content[start : start + length]
    escaped = "".join(f"\\{letter}" if letter.isascii() and not letter.isalnum() else letter for letter in literal)

    for conditions in (
        of_literal(literal, None, is_case_sensitive=is_case_sensitive),
        of_pattern(escaped, None, is_case_sensitive=is_case_sensitive),
    ):
        matching = {each.id.int for each in rows if conditions.holds(each)}
        assert matching <= candidates(rows, conditions)
    assert 1 in matching


@pytest.mark.parametrize(
    ("literal", "found"),
    [("log dat", {1, 4}), ("og dat", {1, 2, 3, 4}), ("gs and dat", {3}), ("and dat", {3, 4}), ("x" * 40 + " of", {4}), ("x of dat", {4})],
)
def test_parts_of_words_in_a_literal_stand_beside_its_words(literal: str, found: set[int]) -> None:
    """given texts with the same words in another order, then only those are looked at that have them in this one, or a word that is too long to tell.

    Parts of two letters are not asked for.
    """
    rows = [row(1, "a blog data"), row(2, "data of a blog"), row(3, "the logs and data"), row(4, "x" * 70 + " of data")]

    assert candidates(rows, of_literal(literal, None, is_case_sensitive=False)) == found


@pytest.mark.parametrize(
    ("pattern", "content", "matches"),
    [
        (r"\yrun\y", "to run it", True),
        (r"\mrun", "overrun", False),
        ("a.b", "a\nb", True),
        ("^b", "a\nb", False),
        (r"(?i)log\s+dat", "a blog\n\n data", True),
        ("TODO|FIXME", "a fixme", True),
        (r"\pL+é", "café", True),
    ],
)
def test_patterns_are_those_of_re2_with_the_ends_of_words_of_postgres(pattern: str, content: str, matches: bool) -> None:
    conditions = of_pattern(pattern, None, is_case_sensitive=False)

    assert conditions.holds(row(1, content)) is matches
    assert candidates([row(1, content)], conditions) >= ({1} if matches else set())


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}", "a{1001}", "*", "\\", "a**", r"(a)\1", "(?=a)", "a" * 257, r"[\pL\pN]{300}"])
def test_what_re2_does_not_take_is_refused(pattern: str) -> None:
    with pytest.raises(BadRequest):
        of_pattern(pattern, None, is_case_sensitive=False)


def test_a_part_of_a_call_is_looked_at_alone() -> None:
    call = row(1, "Bash\nls needle\nhay", kind="tool_call", tool_name="Bash", result_at=len("Bash\nls needle\n"))

    def holds(q: str, part: str | None) -> bool:
        return of_words(parse(q), part, None).holds(call)  # type: ignore[arg-type]

    assert (holds("needle", "input"), holds("needle", "result"), holds("hay", "result"), holds("hay", None)) == (True, False, True, True)
    assert of_words(parse(""), None, "LS NEEDLE").holds(call)
    assert not of_words(parse(""), None, "hay").holds(call)


def scored(rows: list[RowDocument], q: str) -> list[int]:
    """The texts from the best to the worst."""
    view, conditions = view_of(rows), of_words(parse(q), None, None)
    hits = newest_hits(view, conditions.candidates, 100)
    found = scores(view, conditions, [10] * len(conditions.words), hits, among=conditions.candidates)
    assert len(set(found.values())) == len(found) == len(rows)
    return sorted((each.int for each in found), key=lambda number: -next(score for each, score in found.items() if each.int == number))


def test_words_that_stand_together_come_first() -> None:
    between = ["", "some more words ", "and so on " * 60]
    rows = [row(at, f"cobalt {words}kettle {'x ' * (200 - len(words))}") for at, words in enumerate(between, start=1)]

    assert scored(rows[:3], "kettle cobalt")[:2] == [1, 2]


def test_titles_and_prompts_come_before_results() -> None:
    rows = [
        row(1, "The needle session", kind="session", key="s", role=None),
        row(2, "find the needle"),
        row(3, "here is a needle", role="assistant"),
        row(4, "Bash\nneedle", kind="tool_call", role=None),
    ]

    assert scored(rows, "needle") == [1, 2, 3, 4]


def test_texts_of_one_place_come_together_in_the_order_of_their_ids() -> None:
    """given more texts of one instant than are asked for, then all of them come, and those before that place afterwards."""
    rows = [row(number, "needle", occurred_at=row(number // 4, "").occurred_at) for number in range(1, 13)]
    view = view_of(rows)
    query = of_words(parse("needle"), None, None).candidates

    pages, before = [], None
    while found := newest_hits(view, query, 2, before=before):
        pages.append([hit.id.int for hit in found])
        before = found[-1].place
    assert pages == [[12, 11, 10, 9, 8], [7, 6, 5, 4], [3, 2, 1]]
