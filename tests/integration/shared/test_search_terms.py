"""Search terms: how a text is indexed."""

import random
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.search_terms import escape_like, search_vector


def lexemes(content: str) -> set[str]:
    return set(re.findall(r"'([^']+)':", search_vector(content)))


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
        ("Straße ÄRGER", {"strasse", "arger"}),
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
    assert search_vector("see useEffect") == "'see':1 'useeffect':2 'use':2 'effect':2"


def test_like_wildcards_are_escaped() -> None:
    assert escape_like("50%_\\") == "50\\%\\_\\\\"


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
    [length] = postgres.execute("SELECT length(%s::tsvector)", (search_vector(content),)).fetchone() or [None]
    assert length and length > 0
