"""`make bench-reads`: p50 and p99 of every read endpoint over HTTP at two volumes, and of its statements in the database, as a Markdown table.

One client, everything warm, both volumes in turn within one run, so that a busy machine slows both alike.
"""

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random

from tests.bench.asking import Asker, Timing
from tests.bench.data_sets import SEARCH_FOLDER, bench_dir, prepared, say
from tests.bench.plan import LARGE, Plan, Volume, make_plan
from tests.bench.questions import Known, Question, questions
from tests.bench.report import machine, milliseconds, percentile, table
from tests.bench.servers import served
from tests.searchable import SEARCH, is_searchable

# A slow row is cut short, but never to fewer requests than this.
ROW_SECONDS, FEWEST_REQUESTS = 40.0, 20
# Long enough for the large data set at first.
INDEXED_SECONDS, LOOK_SECONDS = 3_600.0, 3.0
QUERY_APP = "tests.bench.timed_query:create_app"
HEAD = (
    "endpoint",
    "http p50",
    "p95",
    "p99",
    "database p50",
    "p99",
    "http p50",
    "p95",
    "p99",
    "database p50",
    "p99",
    "growth",
    "target",
    "met",
)


@dataclass(frozen=True, slots=True)
class Side:
    """One volume: its data, and a client of the service on it."""

    volume: Volume
    asker: Asker
    questions: list[Question]


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=300, help="a row of the table and volume")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the data and few requests: does it run at all?")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    options = parser.parse_args()
    large = LARGE.part(0.01) if options.quick else LARGE
    requests = 10 if options.quick else options.requests
    with ExitStack() as stack:
        small_side, large_side = (_side(stack, options.seed, volume) for volume in (large.part(0.1), large))
        rows = []
        for small, big in zip(small_side.questions, large_side.questions, strict=True):
            if options.only in small.name:
                timings = [_measure(side.asker, question, requests) for side, question in ((small_side, small), (large_side, big))]
                rows.append(_row(small, *timings))
                say(" | ".join(rows[-1]))
    print(
        f"{large.part(0.1).messages:,} and {large.part(0.1).tool_calls:,}, then {large.messages:,} messages and {large.tool_calls:,} tool calls.\n"
    )
    print(f"One client, warm; milliseconds; the smaller volume's first. {machine()}.\n")
    print(table(HEAD, rows))
    return 0


def _side(stack: ExitStack, seed: int, volume: Volume) -> Side:
    server = prepared(seed, volume)
    stack.callback(server.stop)
    environment = {"TRACKER_DATABASE_URL": server.url, "TRACKER_REDIS_URL": "redis://127.0.0.1:1/0"}
    # Kept with the data: it is made once.
    environment["TRACKER_SEARCH_FOLDER"] = str(server.data_dir.parent / SEARCH_FOLDER)
    query = stack.enter_context(served(QUERY_APP, environment, bench_dir() / f"query-{volume.messages}.log"))
    asker = Asker(query.port)
    stack.callback(asker.close)
    say("waiting for the search index …")
    until = time.monotonic() + INDEXED_SECONDS
    while not is_searchable(asker.get(SEARCH)):
        if time.monotonic() > until:
            raise RuntimeError("the search index is not whole")
        time.sleep(LOOK_SECONDS)
    plan: Plan = make_plan(seed, volume)
    return Side(volume, asker, questions(Known(plan, asker)))


def _measure(asker: Asker, question: Question, requests: int) -> list[Timing]:
    """Each request after a first time that warms up; of two more the faster one counts, since other work on the machine only ever adds."""
    random = Random(question.name)
    until = time.monotonic() + ROW_SECONDS
    timings: list[Timing] = []
    while len(timings) < requests and (len(timings) < FEWEST_REQUESTS or time.monotonic() < until):
        asked = question.ask(random)
        asker.time(asked)
        timings.append(min((asker.time(asked) for _ in range(2)), key=lambda timing: timing.http_ms))
    return timings


def _row(question: Question, small: list[Timing], large: list[Timing]) -> list[str]:
    measured, limit = question.target
    numbers = [numbers_of(timings) for timings in (small, large)]
    before, after = (each["database p50"] for each in numbers)
    met = numbers[1][measured] <= limit
    shown = [milliseconds(each[name]) for each in numbers for name in ("http p50", "http p95", "http p99", "database p50", "database p99")]
    return [question.name, *shown, f"{after / before:.2f}", f"{measured} ≤ {limit:.0f}", "yes" if met else "NO"]


def numbers_of(timings: list[Timing]) -> dict[str, float]:
    """By name, milliseconds."""
    of = {"http": [timing.http_ms for timing in timings], "database": [timing.database_ms for timing in timings]}
    return {f"{what} p{share:.0f}": percentile(values, share / 100) for what, values in of.items() for share in (50, 95, 99)}


if __name__ == "__main__":
    raise SystemExit(main())
