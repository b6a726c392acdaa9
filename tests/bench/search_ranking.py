"""`python -m tests.bench.search_ranking`: how far up the session is that a person means.

questions_*.txt have questions over the samples (TRACKER_SAMPLES), each with the sessions any of which is meant. Those that are held back are asked with
`--held-back` alone: after a look at them while the ranking is changed, none are left to prove it with.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import psycopg
from msgspec import Struct
from tantivy import Searcher

from services.query.queries.search.text_filters import labelled
from services.query.search_index.ranking import rank
from tests.bench.import_archive import samples
from tests.bench.samples_database import samples_database
from tests.bench.search_host import search_host, settle

NOT_FOUND = 1_000
_SHOWN = 50


class Question(Struct, frozen=True):
    """The question, the way it is asked in, and the beginnings of the ids that are meant."""

    kind: str
    ids: Sequence[str]
    text: str


class Place(Struct, frozen=True):
    """Where the session was that was meant, from 0 on, and milliseconds."""

    question: Question
    place: int
    took_ms: float


def main() -> None:
    """Prints the shares within the first, three and ten, and each question that is not within three."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search_ranking")
    parser.add_argument("--database", help="URL of one that has the samples already")
    parser.add_argument("--held-back", action="store_true", help="ask the questions that were held back")
    options = parser.parse_args()
    files = samples()
    if not files:
        raise SystemExit("There are no sample transcripts (TRACKER_SAMPLES).")
    with samples_database(options.database, files) as url, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(url) as connection:
            ids = [session_id for (session_id,) in connection.execute("SELECT session_id FROM sessions WHERE counted")]
        with search_host(url, Path(folder)) as service:
            settle(service.index)
            service.index.ask(lambda view: _ask(view.sessions, ids, held_back=options.held_back))


def _ask(searcher: Searcher, ids: Collection[str], *, held_back: bool) -> None:
    for name in ("held_back",) if held_back else ("tuned", "paraphrased"):
        asked = list(questions(f"questions_{name}.txt"))
        _print(name, [_place(searcher, question, None) for question in asked])
        _print(f"{name}, bound key", [_place(searcher, question, ids) for question in asked])


def questions(name: str) -> Iterator[Question]:
    """The questions of a file beside this one."""
    for line in Path(__file__).with_name(name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, ids, text = (part.strip() for part in line.split("|", 2))
            yield Question(kind, ids.split(), text)


def _place(searcher: Searcher, question: Question, among: Collection[str] | None) -> Place:
    begun = time.perf_counter()
    only = None if among is None else labelled("session", among)
    ranking = rank(searcher, question.text.split(), [], limit=_SHOWN, among=only, weighs_rarity=among is None, corrects=True)
    took_ms = (time.perf_counter() - begun) * 1000
    meant = (place for place, session in enumerate(ranking.sessions) if session.session_id.startswith(tuple(question.ids)))
    return Place(question, next(meant, NOT_FOUND), took_ms)


def _print(name: str, places: Sequence[Place]) -> None:
    shares = "  ".join(f"first {n}: {sum(each.place < n for each in places)}/{len(places)}" for n in (1, 3, 10))
    times = sorted(each.took_ms for each in places)
    print(f"{name:22} {shares}  p50 {statistics.median(times):.0f} ms, p95 {times[int(len(times) * 0.95)]:.0f} ms")
    for each in places:
        if each.place >= 3:
            told = "not found" if each.place == NOT_FOUND else f"{each.place + 1}."
            print(f"  {each.question.ids[0][:20]:20} {told:>9} {each.question.kind:9} {each.question.text[:100]}")


if __name__ == "__main__":
    main()
