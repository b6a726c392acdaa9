"""A key's view of a ranking: nothing of sessions that are not its own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.query.queries.search.text_filters import labelled
from services.query.search_index.ranking import rank
from tests.example_counts import examples
from tests.integration.query import seed
from tests.integration.query.search_index.indexed import indexed

WORDS = ("redis", "docker", "rediss", "table", "useEffect", "charged", "charging", "検索窓", "c8deac79", "table_rows.py", "2024-01-15")
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), max_size=4)
NOON = datetime(2024, 1, 15, 12, tzinfo=UTC)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.lists(TEXTS, min_size=1, max_size=4),
    others=st.lists(TEXTS, min_size=1, max_size=6),
    asked=st.lists(st.sampled_from(WORDS), min_size=1),
)
def test_no_score_of_a_bound_key_depends_on_the_sessions_of_others(
    connection: psycopg.Connection[Any], own: Sequence[Sequence[str]], others: Sequence[Sequence[str]], asked: Sequence[str]
) -> None:
    connection.execute("TRUNCATE messages, sessions")
    ids = [f"own {number}" for number in range(len(own))]
    mine = labelled("session", ids)
    _add(connection, ids, own)
    alone = rank(indexed(connection), asked, ["rediss"], limit=10, among=mine, weighs_rarity=False, corrects=True)

    _add(connection, [f"other {number}" for number in range(len(others))], others)
    beside = rank(indexed(connection), asked, ["rediss"], limit=10, among=mine, weighs_rarity=False, corrects=True)

    assert beside == alone


def _add(connection: psycopg.Connection[Any], session_ids: Sequence[str], texts: Sequence[Sequence[str]]) -> None:
    for session_id, of_session in zip(session_ids, texts, strict=True):
        seed.add_session(connection, session_id, 1)
        for minute, text in enumerate(of_session):
            seed.add_document(connection, session_id, NOON + timedelta(minutes=minute), text)
