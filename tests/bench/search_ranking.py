"""`python -m tests.bench.search_ranking`: how far up the session is that a person remembers.

remembered.txt has sessions of the samples (TRACKER_SAMPLES), each with words that are not of its title. Each line is searched by session, best first. A
session that was not found may be among what the answer offers without a word: that is one click more.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from services.query.database import Database
from services.query.queries.lists.paging import Paging
from services.query.queries.search.search_documents import Wanted, search_documents
from services.query.settings import Settings
from tests.bench.import_archive import samples
from tests.bench.search_truth import sample_database

NOT_FOUND = 1_000
_SHOWN = 20


def main() -> None:
    """Prints the shares within the first, three and ten, and each question that is not within three."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search_ranking")
    parser.add_argument("--database", help="URL of one that has the samples and their index already")
    options = parser.parse_args()
    files = samples()
    if not files:
        raise SystemExit("There are no sample transcripts (TRACKER_SAMPLES).")
    with sample_database(options.database, files) as url:
        database = Database(Settings(database_url=url, redis_url="redis://127.0.0.1:1/0"))
        try:
            places = [(q, ids, *_places(database, q, ids)) for ids, q in questions()]
        finally:
            database.close()
    for name, column in (("first answer", 2), ("with one click", 3)):
        found = [place[column] for place in places]
        print(f"{name:14} " + "  ".join(f"first {n}: {sum(place < n for place in found)}/{len(found)}" for n in (1, 3, 10)))
    for q, ids, first, clicked in places:
        if first >= 3:
            print(f"  {ids[0][:20]:20} {_told(first):>9}, {_told(clicked):>9} with a click: {q}")


def questions() -> Iterator[tuple[Sequence[str], str]]:
    """The beginnings of ids, one of which is meant, and the words."""
    for line in Path(__file__).with_name("remembered.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            ids, _, words = line.partition("|")
            yield ids.split(), words.strip()


def _places(database: Database, q: str, ids: Sequence[str]) -> tuple[int, int]:
    first, offered = _place(database, q, ids)
    clicked = _place(database, offered, ids)[0] if first == NOT_FOUND and offered else first
    return first, clicked


def _place(database: Database, q: str, ids: Sequence[str]) -> tuple[int, str | None]:
    """The session's place from 0 on, and the query that is offered instead."""
    with database.connection() as connection:
        answer = search_documents(connection, _wanted(q), Paging(_SHOWN, None, "ranking"))
    sessions = [session.session_id or "" for session in answer.sessions or ()]
    place = next((place for place, session in enumerate(sessions) if session.startswith(tuple(ids))), NOT_FOUND)
    return place, answer.nearest[0].q if answer.nearest else None


def _wanted(q: str) -> Wanted:
    return Wanted(
        text=q,
        mode="words",
        given={},
        tz=ZoneInfo("UTC"),
        only_project=None,
        is_case_sensitive=False,
        sort="best",
        by_session=True,
        with_context=False,
        with_content=False,
        corrects=True,
        is_bound=False,
    )


def _told(place: int) -> str:
    return "not found" if place == NOT_FOUND else f"{place + 1}."


if __name__ == "__main__":
    main()
