"""The words of the exact search: folded, with their parts, signs, and what is asked of them."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.query.search_index.words import fields, text_words
from services.query.search_index.words.text_words import (
    OVERLONG,
    folded,
    has_word,
    is_overlong,
    query_signs,
    query_words,
    unaccented,
    words_of,
)
from tests.example_counts import examples

storable_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
code_like = st.lists(
    st.sampled_from(
        [
            *"=>:+-*'\"\\`(){}[]|&!?.,; \n",
            "fix",
            "useEffect",
            "my_func",
            "café",
            "Ёлка",
            "検索",
            "ไทย",
            "🚀",
            "👩‍💻",
            "→",
            "…",
            "™",
            "が",
            "नमस्ते",
        ]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café CAFÉ cafe\u0301", "cafe cafe cafe"),
        ("Straße ÄRGER Øre İı", "strasse arger ore ii"),
        ("Ёлка й ΆΛΦΑ", "елка и αλφα"),
        ("検索 がぎ ไทยนี้ 한국어", "検索 がぎ ไทยนี้ 한국어"),
        ("ｆｕｌｌ ﬁx", "full fix"),
        ("a => b", "a => b"),
    ],
)
def test_text_is_folded_to_what_is_compared(text: str, expected: str) -> None:
    assert folded(text) == expected


@settings(max_examples=examples(500), deadline=None)
@given(st.one_of(storable_text, code_like, st.text("aé\u0301ßΣςｶﾞㄱㅏ가각…™ǰŉ ᾄ\u0308·ÅØI", max_size=12)))
@example("\u1f80\u0345\u00df\u0149\u1e9e")
def test_characters_are_folded_alone_only_where_neighbours_do_not_matter(text: str) -> None:
    assert unaccented(text) == text_words._unaccented(text)
    assert folded(text) == text_words._casefolded(text_words._unaccented(text)).lower()
    assert folded(folded(text)) == folded(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a => b", ["=>"]),
        ("std::vector<int>", ["::"]),
        ("git commit --no-verify", ["--"]),
        ("i++ ==> x", ["++", "==", "=>"]),
        ("ship 🚀 → done", ["→", "🚀"]),
        ("👩‍💻", ["👩", "💻"]),
        ("**Note:** this", ["**", ":*"]),
        ("fix(a) one.two", []),
        ("__init__ नमस्ते", ["__"]),
    ],
)
def test_signs_are_indexed_in_pairs_or_alone(text: str, expected: list[str]) -> None:
    assert query_signs(text) == expected


@pytest.mark.parametrize(
    ("text", "words", "parts"),
    [
        ("Fix the Cleanup", ["fix", "the", "cleanup"], set()),
        ("useEffect", ["useeffect"], {"use", "effect"}),
        ("getUserName", ["getusername"], {"username", "get", "user", "name"}),
        ("my_func_name", ["my", "func", "name"], set()),
        ("parseHTTPResponse", ["parsehttpresponse"], {"httpresponse", "parse", "http", "response"}),
        ("parseCaféMenu", ["parsecafemenu"], {"parse", "cafe", "menu", "cafemenu"}),
        ("src/app/main.py", ["src", "app", "main", "py"], set()),
        ("error[E0382] 404", ["error", "e0382", "404"], set()),
        ("Straße ÄRGER", ["strasse", "arger"], set()),
        ("検索窓", ["検", "索", "窓"], set()),
        ("検索useEffectの例", ["検", "索", "useeffect", "の", "例"], {"use", "effect"}),
        ("型v2.1", ["型", "v2", "1"], set()),
        ("! ? (", [], set()),
        ("x" * 64, ["x" * 64], {"x" * 63, OVERLONG}),
        ("é" * 33, ["e" * 33], set()),
        ("б" * 40, ["б" * 40], {"б" * 40, OVERLONG}),
    ],
)
def test_a_text_is_indexed_under_its_words_and_their_parts(text: str, words: list[str], parts: set[str]) -> None:
    assert query_words(text) == words
    assert set(words_of(text).name_parts.split()) == parts


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(storable_text, code_like, st.integers(60, 66).map("x".__mul__)))
def test_a_query_is_cut_as_the_index_cuts_texts(text: str) -> None:
    """given any text, then the index has its words and no others, and `has_word` says so of each and of its beginnings."""
    kept = [word for word in query_words(text) if not is_overlong(word)]

    assert fields._analyzers()["cut"].analyze(words_of(text).text) == kept
    for word in kept:
        assert has_word(text, word, is_beginning=False)
        assert has_word(text, word[:3], is_beginning=True)
