"""`python -m tests.bench.search_truth`: whether a search finds all that it should, and how long it takes.

The sample transcripts (TRACKER_SAMPLES, default ../shared/samples) are imported into PostgreSQL with the settings of the embedded stack, and a query
host makes its index. Then a hundred searches are asked, newest first to the last page, and best first. The matches that each must find are computed
from the tables with Python's own means. A missed text is one in which a word stands as a whole, or as a part of an identifier, and that was not found.
"""

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from services.query.answers.search import DocumentPage
from services.query.queries.lists.paging import Paging
from services.query.queries.search.search_documents import Wanted, search_documents
from tests.bench.import_archive import samples
from tests.bench.report import machine
from tests.bench.samples_database import samples_database
from tests.bench.search_host import SearchService, search_host, settle
from tests.bench.truth_queries import Asked, hundred
from tests.bench.truth_texts import Text, may_match, must_match, stored_texts

# If a search has more matches, this many are compared.
MOST_PAGES, PAGE = 5, 1_000
# So many are printed of what a search missed.
_SHOWN = 12


class Outcome(Struct):
    """A search's outcome: how many it must find, what it missed and found wrongly, and milliseconds."""

    asked: Asked
    expected: int
    missed: list[Text]
    wrong: list[Text]
    newest_ms: float
    best_ms: float
    is_complete: bool


def main() -> None:
    """Prints a table by sort of search, what was missed, and the latencies."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.search_truth")
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--hundreds", type=int, default=1, help="of searches, each with the next seed")
    parser.add_argument("--database", help="URL of one that has the samples already")
    options = parser.parse_args()
    files = samples()
    if not files:
        raise SystemExit("There are no sample transcripts (TRACKER_SAMPLES).")
    with samples_database(options.database, files) as url, tempfile.TemporaryDirectory() as folder:
        texts = stored_texts(url)
        print(f"{len(texts):,} texts of {len(files)} transcripts. {machine()}\n", flush=True)
        with search_host(url, Path(folder)) as service:
            settle(service.index)
            asked = {(each.mode, each.q): each for more in range(options.hundreds) for each in hundred(texts, options.seed + more)}
            outcomes = [_outcome(service, each, texts) for each in asked.values()]
    _print(outcomes)


def _outcome(service: SearchService, asked: Asked, texts: list[Text]) -> Outcome:
    newest_ms, first = _first_page(service, asked, "newest")
    best_ms, _ = _first_page(service, asked, "best")
    found, last = _all_found(service, asked)
    in_reach = [text for text in texts if _passes(text, asked) and (last is None or (text.at or _EARLIEST) > last)]
    expected = [text for text in in_reach if must_match(text, asked.alternatives)]
    right = {text.id for text in texts if _passes(text, asked) and may_match(text, asked.alternatives)}
    by_id = {text.id: text for text in texts}
    missed = [text for text in expected if text.id not in found]
    wrong = [by_id[found_id] for found_id in found if found_id in by_id and found_id not in right]
    unknown = [found_id for found_id in found if found_id not in by_id]
    if unknown:
        raise RuntimeError(f"{asked.q!r} found what is not stored: {unknown[:3]}")
    return Outcome(asked, len(expected), missed, wrong, newest_ms, best_ms, first.is_complete)


_EARLIEST = datetime.min.replace(tzinfo=UTC)


def _passes(text: Text, asked: Asked) -> bool:
    return (asked.tool is None or text.tool_name == asked.tool) and (text.is_error or not asked.is_error)


def _first_page(service: SearchService, asked: Asked, sort: Any) -> tuple[float, DocumentPage]:
    begun = time.perf_counter()
    with service.database.connection() as connection:
        answer = search_documents(connection, service.index, _wanted(asked, sort), Paging(50, None, "truth"))
    return (time.perf_counter() - begun) * 1000, answer


def _all_found(service: SearchService, asked: Asked) -> tuple[set[str], datetime | None]:
    """All ids, newest first; with too many pages, until the time that is given."""
    found: set[str] = set()
    cursor, at = None, None
    for _ in range(MOST_PAGES):
        with service.database.connection() as connection:
            answer = search_documents(connection, service.index, _wanted(asked, "newest"), Paging(PAGE, cursor, "truth"))
        found |= {str(item.id) for item in answer.items or ()}
        at = answer.items[-1].timestamp if answer.items else at
        cursor = answer.next_cursor
        if cursor is None:
            return found, None
    return found, at


def _wanted(asked: Asked, sort: Any) -> Wanted:
    return Wanted(
        text=asked.q,
        mode=asked.mode,  # type: ignore[arg-type]
        given={},
        tz=ZoneInfo("UTC"),
        is_case_sensitive=False,
        sort=sort,
        by_session=False,
        with_context=False,
        with_content=False,
        corrects=False,
        is_bound=False,
    )


def _print(outcomes: list[Outcome]) -> None:
    by_sort: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_sort[outcome.asked.sort].append(outcome)
    by_sort["all"] = outcomes
    print(
        "| sort | searches | must be found | missed | recall | found wrongly | newest p50 / p95 ms | best p50 / p95 ms |\n|" + " --- |" * 8
    )
    for sort, of_sort in by_sort.items():
        expected = sum(each.expected for each in of_sort)
        missed, wrong = sum(len(each.missed) for each in of_sort), sum(len(each.wrong) for each in of_sort)
        recall = f"{(expected - missed) / expected:.4%}" if expected else "-"
        times = (_times([each.newest_ms for each in of_sort]), _times([each.best_ms for each in of_sort]))
        print(f"| {sort} | {len(of_sort)} | {expected:,} | {missed} | {recall} | {wrong} | {' | '.join(times)} |")
    print(f"\n{sum(not each.is_complete for each in outcomes)} were incomplete. The slowest:")
    for each in sorted(outcomes, key=lambda outcome: -max(outcome.newest_ms, outcome.best_ms))[:5]:
        print(
            f"  {each.asked.q!r} ({each.asked.mode}): newest {each.newest_ms:.0f} ms, best {each.best_ms:.0f} ms, {each.expected} matches"
        )
    _print_differences(outcomes)


def _print_differences(outcomes: list[Outcome]) -> None:
    for each in outcomes:
        for name, texts in (("missed", each.missed), ("wrong", each.wrong)):
            for text in texts[:_SHOWN]:
                print(f"{name} by {each.asked.q!r} ({each.asked.mode}): {text.id}, {len(text.content):,} characters")


def _times(milliseconds: list[float]) -> str:
    in_order = sorted(milliseconds)
    return f"{statistics.median(in_order):.0f} / {in_order[int(len(in_order) * 0.95)]:.0f}"


if __name__ == "__main__":
    main()
