"""Sessions by any of the words, from rows in Postgres to their order."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tantivy import Searcher

from services.query.queries.search.text_filters import labelled
from services.query.search_index.ranking import Ranking, rank
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.search_index.indexed import NOON, indexed, texts_in
from tests.kept_connection import Connection


def ranked(
    searcher: Searcher,
    *words: str,
    excluded: Sequence[str] = (),
    among: Collection[str] | None = None,
    weighs_rarity: bool = True,
    corrects: bool = True,
) -> Ranking:
    only = None if among is None else labelled("session", among)
    return rank(searcher, words, excluded, limit=10, among=only, weighs_rarity=weighs_rarity, corrects=corrects)


def ids_of(ranking: Ranking) -> list[str]:
    return [session.session_id for session in ranking.sessions]


def test_session_with_some_of_the_words_is_found(connection: Connection) -> None:
    texts_in(connection, {"a": ["the redis is away", "no connection"], "b": ["a new page for settings"]})

    found = ranked(indexed(connection), "redis", "connections", "kubernetes")

    assert ids_of(found) == ["a"]


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("charging", "the card was charged twice"),
        ("useEffect", "a hook: useEffect(() => load())"),
        ("effect", "a hook: useEffect(() => load())"),
        ("load_all", "call load_all() first"),
        ("src/parts/table.py", "see src/parts/table.py:12"),
        ("Größe", "die GRÖSSE der Datei"),
        ("検索", "検索窓を直して"),
        ("हिन्दी", "यह हिन्दी है"),
        ("ภาษาไทย", "พูดภาษาไทยได้"),
        ("cafe\u0301", "das Café"),
        ("Dateien", "bitte die Datei und nicht den Ordner, das ist wichtig"),
        ("table_rows.py", "open table_rows.py"),
        ("c8deac79b6b15bf15ce1785273c49737f4038928", "done in c8deac7"),
        ("c8deac79", "see c8deac79b6b15bf15ce1785273c49737f4038928"),
    ],
)
def test_word_finds_its_text(connection: Connection, q: str, text: str) -> None:
    texts_in(connection, {"other": ["something else"], "wanted": [text]})

    assert ids_of(ranked(indexed(connection), q)) == ["wanted"]


@pytest.mark.parametrize(
    "q",
    [
        "what did I do on 2024-01-15",
        "15 January 2024",
        "Jan 15th, 2024",
        "15.01.2024",
        "am 15. Januar 2024",
        "1/15/2024",
        "2024年1月15日",
        "January 15",
    ],
)
def test_date_finds_the_sessions_of_that_day(connection: Connection, q: str) -> None:
    texts_in(connection, {"then": ["hello"]})
    seed.add_session(connection, "later", seed.add_project(connection, "/later"))
    seed.add_document(connection, "later", NOON + timedelta(days=31), "what we did in January")

    assert ids_of(ranked(indexed(connection), *q.split()))[0] == "then"


def test_session_that_made_a_commit_comes_before_one_that_saw_it(connection: Connection) -> None:
    texts_in(connection, {"saw": ["c8deac7 broke it"], "made": ["commit this"], "none": ["hello"]})
    seed.add_document(connection, "made", NOON, "git commit -m x", result="[main c8deac7] Mend the table\n 1 file changed")

    found = ranked(indexed(connection), "c8deac79b6b15bf15ce1785273c49737f4038928")

    assert ids_of(found) == ["made", "saw"]


def test_commit_in_the_middle_of_a_long_log_is_found(connection: Connection) -> None:
    texts_in(connection, {"a": ["show the log"], "b": ["hello"]})
    seed.add_document(connection, "a", NOON, "Bash\ngit log", tool_name="Bash", result="x\n" * 2_000 + "commit c8deac79\n" + "y\n" * 2_000)

    assert ids_of(ranked(indexed(connection), "c8deac79b6b15bf15ce1785273c49737f4038928")) == ["a"]


def test_long_error_message_is_bounded_and_finds_its_session(connection: Connection) -> None:
    message = " ".join(f"frame{number} at line {number}" for number in range(500))
    texts_in(connection, {"a": ["run it"], "b": ["line"]})
    seed.add_document(connection, "a", NOON, "make", result=message[-900:], is_error=True)

    assert ids_of(ranked(indexed(connection), *message.split()))[0] == "a"


def test_word_for_the_same_thing_finds_a_session_behind_the_word_itself(connection: Connection) -> None:
    texts_in(connection, {"other": ["hello"], "same": ["a new folder"], "itself": ["a new directory"]})

    found = ranked(indexed(connection), "directories")

    assert (ids_of(found), found.corrected) == (["itself", "same"], {})


def test_japanese_grammar_does_not_rank(connection: Connection) -> None:
    texts_in(connection, {"polite": ["テストをしてください", "これをしてください", "してください"], "meant": ["認証の修正をお願いします"]})

    searcher = indexed(connection)

    assert ids_of(ranked(searcher, "認証を修正してください"))[0] == "meant"
    assert ids_of(ranked(searcher, "認証を修正してください", among=["polite", "meant"], weighs_rarity=False))[0] == "meant"


def test_of_a_long_session_texts_are_indexed_evenly_from_the_first_to_the_last(connection: Connection) -> None:
    texts_in(connection, {"long": ["redis"]})
    copies = """INSERT INTO messages (id, session_id, project_id, user_id, occurred_at, received_at, role, content)
        SELECT gen_random_uuid(), session_id, project_id, user_id, occurred_at + n * interval '1 second', received_at, role, 'number' || n
        FROM messages, generate_series(1, 6000) AS n"""
    connection.execute(copies)
    searcher = indexed(connection)

    found = [number for number in range(1, 6001) if ids_of(ranked(searcher, f"number{number}", corrects=False))]

    assert ids_of(ranked(searcher, "redis")) == ["long"]
    assert found[-1] == 6000
    assert 1_990 < len(found) < 2_010
    assert max(later - number for number, later in pairwise(found)) <= 4


def test_question_of_stop_words_alone_is_searched_as_it_is(connection: Connection) -> None:
    texts_in(connection, {"a": ["what about this"], "b": ["hello"]})

    assert ids_of(ranked(indexed(connection), "what", "about", "this")) == ["a"]


def test_excluded_words_leave_sessions_out(connection: Connection) -> None:
    texts_in(connection, {"a": ["redis and docker"], "b": ["redis alone"]})

    assert ids_of(ranked(indexed(connection), "redis", excluded=["docker"])) == ["b"]


def test_only_sessions_among_those_named_are_ranked(connection: Connection) -> None:
    texts_in(connection, {"a": ["redis"], "b": ["redis"], "c": ["redis"]})

    assert sorted(ids_of(ranked(indexed(connection), "redis", among={"a", "c"}))) == ["a", "c"]
    assert ids_of(ranked(indexed(connection), "redis", among=[])) == []


def test_prompts_weigh_more_than_results(connection: Connection) -> None:
    texts_in(connection, {"asked": ["redis, please"], "read": ["show me the log"]})
    seed.add_document(connection, "read", NOON, "cat log", result="redis, please")

    assert ids_of(ranked(indexed(connection), "redis")) == ["asked", "read"]


def test_rights_of_a_key_hide_how_rare_a_word_is(connection: Connection) -> None:
    texts_in(connection, {"a": ["redis and docker"], "b": ["docker and more docker"], "c": ["a redis for redis"]})
    own = ["a", "b", "c"]
    before = ranked(indexed(connection), "redis", "docker", among=own, weighs_rarity=False)

    texts_in(connection, {f"other {number}": ["redis"] for number in range(20)})

    assert ranked(indexed(connection), "redis", "docker", among=own, weighs_rarity=False) == before


@pytest.mark.parametrize(("typed", "meant"), [("kuberntes", "kubernetes"), ("reids", "redis"), ("erdis", "redis")])
def test_misspelt_word_is_searched_as_its_neighbour(connection: Connection, typed: str, meant: str) -> None:
    texts_in(connection, {"a": ["redis on kubernetes"], "b": ["something else"]})

    found = ranked(indexed(connection), typed)

    assert (ids_of(found), found.corrected) == (["a"], {typed: meant})


def test_bound_key_gets_no_corrections(connection: Connection) -> None:
    texts_in(connection, {"a": ["redis on kubernetes"]})

    found = ranked(indexed(connection), "reids", among=["a"], weighs_rarity=False)

    assert (ids_of(found), found.corrected) == ([], {})


WORDS = ("redis", "docker", "rediss", "table", "useEffect", "charged", "charging", "検索窓", "c8deac79", "table_rows.py", "2024-01-15")
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), max_size=4)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.lists(TEXTS, min_size=1, max_size=4),
    others=st.lists(TEXTS, min_size=1, max_size=6),
    asked=st.lists(st.sampled_from(WORDS), min_size=1),
)
def test_no_score_of_a_bound_key_depends_on_the_sessions_of_others(
    connection: Connection, own: Sequence[Sequence[str]], others: Sequence[Sequence[str]], asked: Sequence[str]
) -> None:
    connection.execute("TRUNCATE messages, sessions")
    ids = [f"own {number}" for number in range(len(own))]
    mine = labelled("session", ids)
    _add(connection, ids, own)
    alone = rank(indexed(connection), asked, ["rediss"], limit=10, among=mine, weighs_rarity=False, corrects=True)

    _add(connection, [f"other {number}" for number in range(len(others))], others)
    beside = rank(indexed(connection), asked, ["rediss"], limit=10, among=mine, weighs_rarity=False, corrects=True)

    assert beside == alone


def _add(connection: Connection, session_ids: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    for session_id, of_session in zip(session_ids, texts, strict=True):
        seed.add_session(connection, session_id, 1)
        for minute, text in enumerate(of_session):
            seed.add_document(connection, session_id, NOON + timedelta(minutes=minute), text)
