"""Search terms: how a text is indexed, and how a typed query is parsed."""

import random
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.search_terms import MAX_QUERY_CHARS, document_vector, escape_like, parse_query

# NUL and lone surrogates never get this far: ingest replaces them.
storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=400)


def lexemes(content: str) -> set[str]:
    return set(re.findall(r"'([^']+)':", document_vector(content)))


def tsquery(q: str) -> list[str | None]:
    return [group.tsquery for group in parse_query(q).groups]


@pytest.fixture
def postgres(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("content", "found_by"),
    [
        ("Fix the Cleanup", {"fix", "the", "cleanup"}),
        ("useEffect", {"useeffect", "use", "effect"}),
        ("getUserName", {"getusername", "username", "get", "user", "name"}),
        ("my_func_name", {"my_func_name", "func_name", "my", "func", "name"}),
        ("parseHTTPResponse", {"parsehttpresponse", "httpresponse", "parse", "http", "response"}),
        ("use-effect", {"use", "effect"}),
        ("src/app/main.py", {"src", "app", "main", "py"}),
        ("os.path.join", {"os", "path", "join"}),
        ("error[E0382]: 404", {"error", "e0382", "404"}),
        ("Straße ÄRGER", {"strasse", "ärger"}),
        ("検索窓", {"検", "索", "窓", "検索", "索窓"}),
        ("useEffectの例", {"useeffect", "use", "effect", "の", "例", "の例"}),
        ("ｆｕｌｌ", {"full"}),
        ("検索useEffectの例", {"検", "索", "検索", "useeffect", "use", "effect", "の", "例", "の例"}),
        ("型v2.1", {"型", "v2", "1"}),
        ("git commit --no-verify", {"git", "commit", "no", "verify"}),
        ("!? … —", set()),
    ],
)
def test_a_text_is_indexed_under_the_expected_terms(content: str, found_by: set[str]) -> None:
    assert lexemes(content) == found_by


def test_an_identifier_and_its_parts_share_a_position() -> None:
    assert document_vector("see useEffect") == "'see':1 'useeffect':2 'use':2 'effect':2"


@pytest.mark.parametrize(
    ("q", "understood"),
    [
        ("fix bug", ["'fix' & 'bug':*"]),
        ("fix -bug", ["'fix' & !'bug':*"]),
        ("fix or bug", ["'fix'", "'bug':*"]),
        ('"fix"', ["'fix'"]),
        ("useEffect fix", ["'useeffect':* & 'fix':*"]),
        ("go", ["'go'"]),
        ("or", []),
        ("or or fix or", ["'fix'"]),
        ("!!!", []),
        ("", []),
        ("検索機能", ["'検索' & '索機' & '機能'"]),
        ("窓", ["'窓'"]),
        ("検索useEffect", ["'検索'"]),
        ("--no-verify", ["'no' & 'verify':*"]),
        ("fix --force now", ["'fix' & 'force' & 'now':*"]),
        ("fix -force", ["'fix' & !'force':*"]),
        ("- fix --", ["'fix'"]),
        ("don't 'x' \\ :* & | !", ["'don' & 't' & 'x'"]),
    ],
)
def test_a_query_is_parsed_to_the_expected_expression(q: str, understood: list[str]) -> None:
    assert tsquery(q) == understood


def test_phrases_and_paths_are_also_matched_literally() -> None:
    [group] = parse_query('"not found" src/app.py -"all good"').groups
    assert group.literals == ("not found", "src/app.py")
    assert group.excluded == ("all good",)
    assert group.tsquery == "'not' & 'found' & 'src' & 'app' & 'py'"


@pytest.mark.parametrize(
    ("q", "literals"),
    [
        ("--no-verify", ("--no-verify",)),
        ("`--force`,", ("--force",)),
        ("~/.claude", ("~/.claude",)),
        ("/tmp src/", ("/tmp", "src/")),
        ("C# c++ 100% @scope/x #12", ("C#", "c++", "100%", "@scope/x", "#12")),
        ('"-m"', ("-m",)),
        ('"done!"', ("done!",)),
        ("(fix), fix. fix? 'fix' <fix> fix*", ()),
        ('"fix"', ()),
        ("でREADME", ("でREADME",)),
    ],
)
def test_punctuation_joined_to_a_word_is_matched_literally(q: str, literals: tuple[str, ...]) -> None:
    [group] = parse_query(q).groups
    assert group.literals == literals


def test_a_match_is_ranked_by_each_word_and_by_their_proximity() -> None:
    query = parse_query("fix -bug useEffect or fix or src/app")
    assert query.words == ("'fix'", "'useeffect':*", "'src'", "'app':*")
    assert query.together == "('fix' & 'useeffect':*) | ('src' & 'app':*)"
    assert (parse_query("fix").together, parse_query("-fix").words) == (None, ())


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

    @settings(max_examples=200, deadline=None)
    @given(st.lists(st.lists(pieces, min_size=1, max_size=3).map("".join), min_size=1, max_size=4), st.integers(0, 3), st.integers(1, 2))
    @example(["git", "commit", "--no-verify"], 2, 1)
    def check(words: list[str], first: int, count: int) -> None:
        typed = [word for word in words[first : first + count] if word.lower() != "or" and not re.match("-(?!-)", word)]
        for group in parse_query(" ".join(typed)).groups:
            text = " ".join(words)
            assert all(literal.lower() in text.lower() for literal in group.literals)
            if group.tsquery:
                assert postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (document_vector(text), group.tsquery)).fetchone() == (True,)

    check()


def test_like_wildcards_are_escaped() -> None:
    assert escape_like("50%_\\") == "50\\%\\_\\\\"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=MAX_QUERY_CHARS))
@example('"' * 256)
@example("- -\"\" -'' \0 \ud800")
def test_any_text_is_parsed(q: str) -> None:
    query = parse_query(q)
    assert all(group.tsquery is None or "\0" not in group.tsquery for group in query.groups)


def test_postgres_accepts_every_vector_and_query(postgres: psycopg.Connection[Any]) -> None:
    """given any text, when it becomes a vector or a query, then Postgres reads it, and the text matches its own words."""

    @settings(max_examples=150, deadline=None)
    @given(storable_text)
    def check(text: str) -> None:
        for group in parse_query(text[:MAX_QUERY_CHARS]).groups:
            if group.tsquery:
                postgres.execute("SELECT %s::tsquery", (group.tsquery,))
        vector = document_vector(text)
        words = re.findall(r"(?<!\w)[A-Za-z]{4,60}", text)[:1]
        for group in parse_query(words[0] if words and words[0].lower() != "or" else "").groups:
            [found] = postgres.execute("SELECT %s::tsvector @@ %s::tsquery", (vector, group.tsquery)).fetchone() or [None]
            assert found is True or len(re.findall(r"\w+", text)[0]) > 64
        postgres.execute("SELECT %s::tsvector", (vector,))

    check()


@pytest.mark.parametrize("kind", ["rare characters", "identifiers", "one word", "long words", "anything"])
def test_vectors_of_the_largest_texts_stay_within_postgres_limits(postgres: psycopg.Connection[Any], kind: str) -> None:
    rng = random.Random(7)
    content = {
        "rare characters": lambda: "".join(chr(0x20000 + rng.randrange(40_000)) for _ in range(250_000)),
        "identifiers": lambda: " ".join("".join(rng.choice("aBcD_eF1") for _ in range(60)) for _ in range(5_000)),
        "one word": lambda: "x " * 150_000,
        "long words": lambda: "é" * 250_000,
        "anything": lambda: "".join(chr(rng.choice([rng.randrange(1, 0xD800), rng.randrange(0xE000, 0x110000)])) for _ in range(250_000)),
    }[kind]()
    [length] = postgres.execute("SELECT length(%s::tsvector)", (document_vector(content),)).fetchone() or [None]
    assert length and length > 0
